import { parseProtobufFields } from './protobuf-fields.ts'

const MAGIC = [0x6b, 0x38, 0x73, 0x00]
/** Fields of runtime.Unknown: the object; how it is encoded, which must be left out. */
const UNKNOWN = { raw: 2, contentEncoding: 3, contentType: 4 }

/**
 * The object in a Protobuf body of Kubernetes; undefined when it cannot be told which.
 * Source: Kubernetes apimachinery/pkg/runtime/serializer/protobuf (v1.34).
 */
export function rawOfUnknown(body: Uint8Array): Uint8Array | undefined {
  if (!MAGIC.every((byte, index) => body[index] === byte)) return undefined
  const fields = parseProtobufFields(body.subarray(MAGIC.length))
  const set = (number: number) =>
    fields?.filter((field) => field.number === number && field.bytes?.length !== 0) ?? []
  if (set(UNKNOWN.contentEncoding).length + set(UNKNOWN.contentType).length > 0) return undefined
  const raw = set(UNKNOWN.raw)
  return raw.length === 1 ? raw[0]?.bytes : undefined
}
