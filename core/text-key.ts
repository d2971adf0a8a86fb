/**
 * One text for several, as the key of a map, a set or a hash: equal for equal lists and for no others,
 * whatever is in the texts. Each is preceded by its length, so no text can be read as the end of one
 * and the beginning of the next. Two kinds of thing that share a map differ in their first text.
 */
export function textKey(texts: readonly string[]): string {
  let key = ''
  for (const text of texts) key += `${text.length}:${text}`
  return key
}
