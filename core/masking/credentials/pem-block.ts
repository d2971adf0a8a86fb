/* Private keys as text. Sources: RFC 7468; RFC 4716; RFC 9580, section 6.2. */

export const PEM_RULE = 'pem-private-key'

/** Longer than any key, certificates around it included. */
const PEM_MAX = 64 * 1024
const BEGIN = /-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----/y
/** What stands between the two lines: base64, headers, line ends, and those of strings. */
const BODY = /[A-Za-z0-9+/=\s\\,:"'.()@<>-]/

/** A private key that was found: what is inside, up to its last line where that is there. */
export interface PemBegin {
  /** Behind the first line's dashes. */
  readonly from: number
  /** Before the last line's dashes; undefined when there is no last line. */
  readonly end: number | undefined
}

/** The private key whose first line begins here; undefined when none does. */
export function findPem(text: string, start: number): PemBegin | undefined {
  BEGIN.lastIndex = start
  if (!BEGIN.test(text)) return undefined
  const from = BEGIN.lastIndex
  const last = text.slice(from, from + PEM_MAX).indexOf('-----END ')
  return { from, end: last < 0 ? undefined : from + last }
}

/** Where the inside of a private key ends that has no last line: at the first character that is in no key. */
export function endOfPem(text: string, from: number): number {
  let end = from
  while (end < text.length && BODY.test(text[end] ?? '')) end += 1
  return end
}
