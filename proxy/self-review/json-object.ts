/** An object of the API server's, of which nothing is known but that it is JSON. */
export type JsonObject = { readonly [key: string]: unknown }

/** What stands there if it is an object; else an empty one, so that nothing is found in it. */
export function asObject(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : {}
}

/** The texts of a list, in their order; whatever else stands there is left out. */
export function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
}

/** The text that stands there; empty for whatever else does. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
