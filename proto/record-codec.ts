import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import type { MethodDefinition } from '@grpc/grpc-js'
import {
  RecordRequestSchema,
  type SessionChunk,
  SessionChunkSchema,
  SessionEventSchema,
} from './gen/lanyard/v1/recording_pb.ts'
import { WireWriter } from './wire-writer.ts'

/*
 * The requests of RecordingService. A session that pours out a file sends megabytes of them: what a session wrote is
 * copied once on its way into a message, and not at all on its way out.
 */

/** What a sidecar says of a session. */
export type RecordMessage = MessageInitShape<typeof RecordRequestSchema>
type ChunkInit = MessageInitShape<typeof SessionChunkSchema>

const writer = new WireWriter()
const CHUNK = 2
/** The tag of a chunk on the wire: the field, and that its length follows. */
const CHUNK_TAG = CHUNK * 8 + 2
const received = new WeakMap<SessionChunk, Uint8Array>()

/** How the requests of a recording become bytes, and what they are again. */
export const RECORD_REQUESTS: Pick<
  MethodDefinition<object, object>,
  'requestSerialize' | 'requestDeserialize'
> = { requestSerialize: recordRequestBytes, requestDeserialize: recordRequestFrom }

/** The bytes of a request; what it leaves out is zero. */
export function recordRequestBytes(request: RecordMessage): Buffer {
  if (request.message?.case === 'chunk') return writeChunk(request.message.value)
  const bytes = toBinary(RecordRequestSchema, create(RecordRequestSchema, request))
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function writeChunk({ number = 0n, events = [] }: ChunkInit): Buffer {
  writer.start()
  const chunk = writer.begin(CHUNK)
  writer.number(1, Number(number))
  for (const event of events) {
    const begun = writer.begin(2)
    if (!writeStream(event)) {
      writer.replace(begun, toBinary(SessionEventSchema, create(SessionEventSchema, event)))
    } else writer.end(begun)
  }
  writer.end(chunk)
  return writer.finish()
}

/** What a stream of the session said; false, and nothing is written, for any other event. */
function writeStream(event: MessageInitShape<typeof SessionEventSchema>): boolean {
  const { atUs, kind = 0, data } = event
  if (data === undefined || atUs === undefined || Object.keys(event).length > 3) return false
  writer.number(1, Number(atUs))
  writer.number(2, kind)
  writer.bytes(3, data)
  return true
}

/** A request. Throws what the library throws for bytes that are none. */
export function recordRequestFrom(bytes: Buffer) {
  const request = fromBinary(RecordRequestSchema, bytes)
  const { message } = request
  if (message.case === 'chunk') {
    const whole = onlyChunk(bytes)
    if (whole !== undefined) received.set(message.value, whole)
  }
  return request
}

/** The bytes of a chunk, as they came where it came over the wire. */
export function chunkBytes(chunk: SessionChunk): Uint8Array {
  return received.get(chunk) ?? toBinary(SessionChunkSchema, chunk)
}

/** The chunk of a request that is nothing else: a second field would be merged with it. */
function onlyChunk(bytes: Buffer): Uint8Array | undefined {
  if (bytes[0] !== CHUNK_TAG) return undefined
  let length = 0
  for (let at = 1; at <= 4; at += 1) {
    const byte = bytes[at] ?? 0
    length += (byte & 0x7f) * 2 ** (7 * (at - 1))
    if (byte < 0x80) return at + 1 + length === bytes.length ? bytes.subarray(at + 1) : undefined
  }
  return undefined
}
