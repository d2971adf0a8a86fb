import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  RecordRequestSchema,
  SessionChunkSchema,
  SessionEventKind,
  type SessionEventSchema,
} from './gen/lanyard/v1/recording_pb.ts'
import { chunkBytes, recordRequestBytes, recordRequestFrom } from './record-codec.ts'

type Event = MessageInitShape<typeof SessionEventSchema>
type Request = MessageInitShape<typeof RecordRequestSchema>

const atUs = fc.bigInt({ min: 0n, max: BigInt(Number.MAX_SAFE_INTEGER) })
const kind = fc.constantFrom(SessionEventKind.OUTPUT, SessionEventKind.INPUT)
const data = fc.uint8Array({ maxLength: 40_000 }).map((bytes) => Uint8Array.from(bytes))
const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ atUs, kind, data }),
  fc.record({ atUs, kind, data, connection: fc.nat() }),
  fc.record({ kind, data }),
  fc.record({ atUs, kind, text: fc.string() }),
  fc.record({ atUs, kind, size: fc.record({ columns: fc.nat(), rows: fc.nat() }) }),
  fc.constant({}),
)
const chunk = fc.record({ number: fc.bigInt({ min: 0n, max: 2n ** 32n }), events: fc.array(event) })

const library = (request: Request) =>
  Buffer.from(toBinary(RecordRequestSchema, create(RecordRequestSchema, request)))

test('recordRequestBytes() are the bytes that the library writes', () => {
  fc.assert(
    fc.property(chunk, (value) => {
      const request: Request = { message: { case: 'chunk', value } }
      expect(recordRequestBytes(request).equals(library(request))).toBe(true)
    }),
    { seed: 11 },
  )
})

test.each([
  {},
  { message: { case: 'begin', value: { decisionId: 'd', protocol: 'v5' } } },
  { message: { case: 'end', value: { reason: 'bye' } } },
  { message: { case: 'chunk', value: {} } },
] as readonly Request[])('recordRequestBytes() writes %j', (request) => {
  expect(recordRequestBytes(request).equals(library(request))).toBe(true)
})

const output = (text: string): Event => ({ atUs: 1n, kind: 1, data: Buffer.from(text) })
const ofChunk = (number: bigint, ...events: readonly Event[]) =>
  library({ message: { case: 'chunk', value: { number, events: [...events] } } })

/** What of a request is kept, as a chunk. */
function kept(bytes: Buffer) {
  const { message } = recordRequestFrom(bytes)
  if (message.case !== 'chunk') throw new Error('no chunk')
  const raw = chunkBytes(message.value)
  return { raw, parsed: fromBinary(SessionChunkSchema, Buffer.from(raw)), was: message.value }
}

test.each([0, 1, 100, 200, 20_000, 200_000])(
  'chunkBytes() of %d bytes are those that came',
  (size) => {
    const bytes = ofChunk(7n, output('x'.repeat(size)))
    const { raw, parsed, was } = kept(bytes)
    expect(bytes.subarray(-raw.length).equals(raw)).toBe(true)
    expect(parsed).toEqual(was)
  },
)

test('chunkBytes() of a chunk that came in two fields are what the library made of both', () => {
  const { raw, parsed, was } = kept(
    Buffer.concat([ofChunk(7n, output('a')), ofChunk(8n, output('b'))]),
  )
  expect(Buffer.from(raw).includes('a')).toBe(true)
  expect(parsed).toEqual(was)
  expect(parsed.events).toHaveLength(2)
})

test('chunkBytes() of a chunk after another message are its own', () => {
  const { parsed, was } = kept(
    Buffer.concat([
      library({ message: { case: 'end', value: { reason: 'x' } } }),
      ofChunk(9n, output('b')),
    ]),
  )
  expect(parsed).toEqual(was)
})

test('chunkBytes() of a chunk that was never on the wire are the library’s', () => {
  const made = create(SessionChunkSchema, { number: 3n })
  expect(chunkBytes(made)).toEqual(toBinary(SessionChunkSchema, made))
})
