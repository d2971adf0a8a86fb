/*
 * Headers as they stand on the wire: names and values in turn, names in any case. A name that is looked for is
 * given in lower case.
 */

/** Of most names the length tells already that they are another one. */
function isNamed(name: string | undefined, wanted: string): boolean {
  return name?.length === wanted.length && name.toLowerCase() === wanted
}

/** The first value of a header; undefined when there is none. */
export function headerValue(headers: readonly string[], name: string): string | undefined {
  for (let index = 0; index < headers.length; index += 2) {
    if (isNamed(headers[index], name)) return headers[index + 1]
  }
  return undefined
}

/** All values of a header, in their order. */
export function headerValues(headers: readonly string[], name: string): readonly string[] {
  const values: string[] = []
  for (let index = 0; index < headers.length; index += 2) {
    if (isNamed(headers[index], name)) values.push(headers[index + 1] ?? '')
  }
  return values
}

/** The headers without those of some names. */
export function withoutHeaders(headers: readonly string[], ...names: readonly string[]): string[] {
  return headers.filter(
    (_text, index) => !names.some((name) => isNamed(headers[index - (index % 2)], name)),
  )
}
