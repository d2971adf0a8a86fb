/** A schema in the part of JSON Schema that OpenAPI 2 and 3 share. */
export interface Schema {
  readonly type?: string
  readonly description?: string
  readonly format?: string
  readonly enum?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema
  readonly items?: Schema
  readonly required?: readonly string[]
  readonly $ref?: string
  readonly allOf?: readonly Schema[]
  readonly 'x-kubernetes-group-version-kind'?: readonly GroupVersionKind[]
}

/** An object with these properties. */
export function object(description: string, properties: Record<string, Schema>): Schema {
  return { type: 'object', description, properties }
}

/** A boolean. */
export function flag(description: string): Schema {
  return { type: 'boolean', description }
}

/** A string. */
export function text(description: string): Schema {
  return { type: 'string', description }
}

/** A time by RFC 3339. */
export function time(description: string): Schema {
  return { type: 'string', format: 'date-time', description }
}

/** A whole number. */
export function integer(description: string): Schema {
  return { type: 'integer', format: 'int64', description }
}

/** A list. */
export function list(description: string, items: Schema): Schema {
  return { type: 'array', description, items }
}

/** What OpenAPI says of a kind. */
export interface GroupVersionKind {
  readonly group: string
  readonly version: string
  readonly kind: string
}

/** What every object has. */
export const META = object('What every object has.', {
  name: text('Name of the object.'),
  namespace: text('Namespace of the pod.'),
  uid: text('UID of the pod of a chain; the id of a decision.'),
  resourceVersion: text('Where a watch continues.'),
  creationTimestamp: time('When it was recorded.'),
})

/** What every list has. */
export const LIST_META = object('What every list has.', {
  resourceVersion: text('Where a watch continues after the list.'),
  continue: text('Given back, it brings the next page.'),
})
