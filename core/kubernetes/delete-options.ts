import { parseProtobufFields } from './protobuf-fields.ts'
import { rawOfUnknown } from './protobuf-unknown.ts'
import type { RequestAttributes } from './request-attributes.ts'

/** The option that has an object deleted that cannot be decoded, past finalizers and preconditions. */
export const UNSAFE_DELETE = 'ignoreStoreReadErrorWithClusterBreakingPotential'

/**
 * What kube-apiserver asks for that option besides `delete`, of the calling account only.
 * Source: Kubernetes apiserver/pkg/endpoints/handlers/delete.go (v1.37, authorizeUnsafeDelete).
 */
const UNSAFE_DELETE_VERB = 'unsafe-delete-ignore-read-errors'

/** DeleteOptions of apimachinery/pkg/apis/meta/v1/generated.proto (v1.37). */
const UNSAFE_DELETE_FIELD = 6

/** Whether the body of a request is DeleteOptions in which that option may stand. */
export function hasDeleteOptions(attributes: RequestAttributes): boolean {
  const { resourceRequest, verb, subresource } = attributes
  return resourceRequest && verb === 'delete' && subresource === ''
}

/** The attributes with the verb that a delete needs besides where it sets the option. */
export function asUnsafeDelete(attributes: RequestAttributes): RequestAttributes {
  const others = attributes.alsoVerbs.filter((verb) => verb !== UNSAFE_DELETE_VERB)
  return { ...attributes, alsoVerbs: [...others, UNSAFE_DELETE_VERB] }
}

/** The attributes of a request whose query sets the option or does not. */
export function withDeleteOption(attributes: RequestAttributes, isSet: boolean): RequestAttributes {
  return isSet && hasDeleteOptions(attributes) ? asUnsafeDelete(attributes) : attributes
}

/**
 * Whether a body of DeleteOptions sets the option, or may: one that cannot be read is taken for one that
 * does. Never throws.
 */
export function mayDeleteUnsafely(contentType: string | undefined, body: Uint8Array): boolean {
  const mediaType = (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
  if (mediaType === 'application/vnd.kubernetes.protobuf') return maySetField(body)
  const isJson = mediaType === '' || mediaType === 'application/json'
  if (!isJson && mediaType !== 'application/yaml') return true
  const text = decode(body)
  // Without an escape, and in no other encoding, the name can only stand there as it is.
  if (text === undefined || /[\\\0]/.test(text)) return isJson ? maySetInJson(text ?? '') : true
  return text.includes(UNSAFE_DELETE) && (isJson ? maySetInJson(text) : true)
}

function maySetField(body: Uint8Array): boolean {
  const message = rawOfUnknown(body)
  const fields = message === undefined ? undefined : parseProtobufFields(message)
  return fields === undefined || fields.some(({ number }) => number === UNSAFE_DELETE_FIELD)
}

function maySetInJson(text: string): boolean {
  try {
    const options: unknown = JSON.parse(text)
    if (typeof options !== 'object' || options === null || Array.isArray(options)) return true
    const value = Object.hasOwn(options, UNSAFE_DELETE)
      ? (options as Readonly<Record<string, unknown>>)[UNSAFE_DELETE]
      : false
    return value !== false && value !== null
  } catch {
    // Converted: what cannot be read may say anything.
    return true
  }
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    // Converted: Go would put another character in the place of what is not one.
    return undefined
  }
}
