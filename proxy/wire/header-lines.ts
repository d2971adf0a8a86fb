import { MalformedMessage } from './malformed-message.ts'

/** `token`. Source: RFC 9110, section 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** What `field-value` may not hold; HTAB and obs-text it may. Source: RFC 9110, section 5.5. */
const UNSENDABLE = /[^\t\x20-\x7e\x80-\xff]/

const HTAB = 0x09
const SPACE = 0x20

/**
 * Names and values in turn, as they came: names in their case, values without the white space around
 * them. `text` holds the bytes as Latin-1; its header lines begin at `from`, and each ends with CRLF.
 * Throws `MalformedMessage` for whatever two readers could take for two things: folded lines, a CR or
 * LF by itself, control characters, white space before the colon, a name that is no token.
 *
 * Sources: RFC 9112, section 5; RFC 9110, section 5.
 */
export function parseHeaderLines(text: string, from: number): string[] {
  const headers: string[] = []
  for (let at = from; at < text.length; ) {
    const end = text.indexOf('\r\n', at)
    if (end === -1) throw new MalformedMessage('a line does not end with CRLF')
    const colon = text.indexOf(':', at)
    const name = text.slice(at, colon === -1 || colon > end ? end : colon)
    if (!TOKEN.test(name)) throw new MalformedMessage(whyNoName(text, at, end))
    if (colon === -1 || colon > end) throw new MalformedMessage('a header line has no colon')
    const value = trimmed(text, colon + 1, end)
    if (UNSENDABLE.test(value))
      throw new MalformedMessage('a header value holds a control character')
    headers.push(name, value)
    at = end + 2
  }
  return headers
}

function whyNoName(text: string, at: number, end: number) {
  if (isWhite(text.charCodeAt(at))) return 'a header line is folded'
  if (text.slice(at, end).includes(':')) {
    return 'a header name holds a character that is none of a token'
  }
  return 'a header line has no colon'
}

/** Without the optional white space of RFC 9110, section 5.6.3, which is less than `trim()` takes. */
function trimmed(text: string, from: number, to: number): string {
  let first = from
  let last = to
  while (first < last && isWhite(text.charCodeAt(first))) first++
  while (last > first && isWhite(text.charCodeAt(last - 1))) last--
  return text.slice(first, last)
}

function isWhite(code: number): boolean {
  return code === SPACE || code === HTAB
}
