/** What JSON can say. A property whose value is undefined is left out. */
export type CanonicalValue =
  | null
  | boolean
  | number
  | string
  | readonly CanonicalValue[]
  | { readonly [key: string]: CanonicalValue | undefined }

/**
 * The one text of a value by RFC 8785 (JSON Canonicalization Scheme): equal for values that are equal, whatever the
 * order of their keys. Throws a TypeError for a number that is not finite and for text that is not well-formed, of
 * which the RFC knows no form.
 */
export function canonicalJson(value: CanonicalValue): string {
  if (typeof value === 'string') return quote(value)
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new TypeError('A number that is not finite has no canonical form')
  }
  // ECMAScript's own form of numbers is the RFC's.
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (Array.isArray(value))
    return `[${value.map((item) => canonicalJson(item as CanonicalValue)).join(',')}]`
  const members = Object.entries(value as Readonly<Record<string, CanonicalValue | undefined>>)
    .filter((member): member is [string, CanonicalValue] => member[1] !== undefined)
    // By UTF-16 code units, as the RFC has it.
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, member]) => `${quote(key)}:${canonicalJson(member)}`)
  return `{${members.join(',')}}`
}

function quote(text: string): string {
  if (!text.isWellFormed()) throw new TypeError('Text with a lone surrogate has no canonical form')
  return JSON.stringify(text)
}
