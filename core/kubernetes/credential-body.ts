import { parseProtobufFields } from './protobuf-fields.ts'
import { rawOfUnknown } from './protobuf-unknown.ts'
import type { RequestAttributes } from './request-attributes.ts'

/** What the body of a request says of the credential that it makes. */
export interface CredentialBody {
  /** For a TokenRequest: whom the token is for; empty is the API server's default. */
  readonly audiences: readonly string[]
  /** For a Secret: its type; empty is `Opaque`. */
  readonly secretType: string
}

/** Whether what a request makes can be told by its body only: a TokenRequest, or a new Secret. */
export function hasCredentialBody(attributes: RequestAttributes): boolean {
  const { resourceRequest, apiGroup, resource, subresource, verb, alsoVerbs } = attributes
  if (!resourceRequest || apiGroup !== '') return false
  if (resource === 'serviceaccounts') return subresource === 'token' && verb === 'create'
  const creates = verb === 'create' || alsoVerbs.includes('create')
  return resource === 'secrets' && subresource === '' && creates
}

/**
 * Reads the body of such a request as kube-apiserver does, by its content type; undefined for whatever it
 * and this reader could take differently, such as YAML. Never throws.
 *
 * Keep in step with Kubernetes apimachinery/pkg/runtime/serializer (v1.34): JSON by case, the last of two
 * fields, and Protobuf in a runtime.Unknown.
 */
export function parseCredentialBody(
  { resource }: Pick<RequestAttributes, 'resource'>,
  contentType: string | undefined,
  body: Uint8Array,
): CredentialBody | undefined {
  const mediaType = (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
  const isToken = resource === 'serviceaccounts'
  if (mediaType === '' || mediaType === 'application/json') {
    const object = parseObject(body)
    if (object === undefined) return undefined
    return isToken ? tokenFromJson(object) : secretFromJson(object)
  }
  if (mediaType !== 'application/vnd.kubernetes.protobuf') return undefined
  const message = rawOfUnknown(body)
  if (message === undefined) return undefined
  return isToken ? tokenFromProtobuf(message) : secretFromProtobuf(message)
}

type JsonBody = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is JsonBody =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function parseObject(body: Uint8Array): JsonBody | undefined {
  const text = decode(body)
  if (text === undefined) return undefined
  try {
    const parsed: unknown = JSON.parse(text)
    return isObject(parsed) ? parsed : undefined
  } catch {
    // Converted: what cannot be read is unknown.
    return undefined
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

/** Go merges an object that stands twice; the later of the two then says less, which is read as `none`. */
function tokenFromJson(object: JsonBody): CredentialBody | undefined {
  const spec = object['spec'] ?? {}
  if (!isObject(spec)) return undefined
  const audiences = spec['audiences'] ?? []
  if (!Array.isArray(audiences)) return undefined
  if (!audiences.every((audience) => typeof audience === 'string')) return undefined
  return { audiences, secretType: '' }
}

/** A type that is null leaves what an earlier field of the same name said, so it says nothing here. */
function secretFromJson(object: JsonBody): CredentialBody | undefined {
  const type = Object.hasOwn(object, 'type') ? object['type'] : ''
  return typeof type === 'string' ? { audiences: [], secretType: type } : undefined
}

const TOKEN_REQUEST = { spec: 2, audiences: 1 }
const SECRET = { type: 3 }

/** Values of one field, in their order; undefined when the message or one of them cannot be read. */
function valuesOf(message: Uint8Array, number: number): readonly Uint8Array[] | undefined {
  const fields = parseProtobufFields(message)?.filter((field) => field.number === number)
  const values = fields?.map(({ bytes }) => bytes)
  return values?.every((bytes) => bytes !== undefined) ? values : undefined
}

/** Go appends to a list whose message stands twice, so all of them count. */
function tokenFromProtobuf(message: Uint8Array): CredentialBody | undefined {
  const specs = valuesOf(message, TOKEN_REQUEST.spec)
  const lists = specs?.map((spec) => valuesOf(spec, TOKEN_REQUEST.audiences))
  const audiences = lists?.flatMap((list) => list?.map(decode) ?? [undefined])
  return audiences?.every((audience) => audience !== undefined)
    ? { audiences, secretType: '' }
    : undefined
}

function secretFromProtobuf(message: Uint8Array): CredentialBody | undefined {
  const types = valuesOf(message, SECRET.type)?.map(decode)
  const secretType = types?.length === 0 ? '' : types?.at(-1)
  return secretType === undefined ? undefined : { audiences: [], secretType }
}
