import { createHash } from 'node:crypto'
import { fromBinary } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { Fault } from '../../core/fault.ts'
import type { SessionEvent } from '../../core/recording/session-event.ts'
import { SessionChunkSchema } from '../../proto/gen/lanyard/v1/recording_pb.ts'
import { sessionEventFromMessage } from '../../proto/session-event-message.ts'
import { RECORDING_ID } from '../../test/support/recording-parts.ts'
import type { StoredChunk } from '../store/recording-store.ts'
import { IMPORT_BYTES_MAX, ImportedCast } from './imported-cast.ts'

const ORIGIN = { id: RECORDING_ID, namespace: 'team', username: 'bob', atMs: 5, source: 'x' }
const HEADER = '{"version":2,"width":80,"height":24,"title":"demo"}\n'

async function* pieces(...parts: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part)
}

async function read(body: AsyncIterable<Uint8Array>, look = () => {}) {
  const cast = new ImportedCast(ORIGIN, body, look)
  const chunks: StoredChunk[] = []
  for await (const chunk of cast.chunks) chunks.push(chunk)
  return { cast, chunks, events: chunks.flatMap(eventsOf) }
}

function eventsOf({ bytes }: StoredChunk): SessionEvent[] {
  return fromBinary(SessionChunkSchema, bytes).events.map(sessionEventFromMessage)
}

test('ImportedCast reads a file piece by piece, and says what it was', async () => {
  const file = `${HEADER}[0.1,"o","ab"]\n[0.25,"i","l"]\n`
  const { cast, chunks, events } = await read(pieces(...file))
  expect(chunks.map(({ number, lastUs }) => [number, lastUs])).toEqual([[1, 250_000]])
  expect(events.map(({ kind }) => kind)).toEqual(['resize', 'output', 'input'])
  expect(cast.summary()).toMatchObject({
    imported: {
      ...ORIGIN,
      ...{ format: 2, bytes: file.length, told: { title: 'demo' } },
      sha256: createHash('sha256').update(file).digest('hex'),
    },
    level: 'all',
  })
})

test('ImportedCast makes chunks that may be stored, and loses nothing', async () => {
  const line = `[1,"o","${'x'.repeat(300_000)}"]\n`
  const { chunks, events, cast } = await read(pieces(HEADER, line, line))
  expect(Math.max(...chunks.map(({ bytes }) => bytes.length))).toBeLessThan(256 * 1_024)
  expect(chunks.map(({ number }) => number)).toEqual(chunks.map((_, index) => index + 1))
  const output = events.flatMap((event) => (event.kind === 'output' ? [event.bytes.length] : []))
  expect(output.reduce((sum, length) => sum + length, 0)).toBe(600_000)
  expect(cast.summary().level).toBe('output')
})

test.each([
  ['a file that is too long', () => huge(), 'request_too_large', /256 MiB/],
  ['a file that breaks off', () => broken(), 'request_invalid', /did not come whole/],
  ['what is no asciicast', () => pieces('hello\n'), 'request_invalid', /Line 1/],
] as const)('ImportedCast refuses %s', async (_name, body, code, message) => {
  await expect(read(body())).rejects.toMatchObject({
    ...{ code, message: expect.stringMatching(message) },
  })
})

async function* huge(): AsyncGenerator<Uint8Array> {
  yield Buffer.from(HEADER)
  const piece = Buffer.from('[1,"o","x"]\n'.repeat(1))
  const large = new Uint8Array(piece.length)
  large.set(piece)
  // A view of one byte that claims to be long costs no memory.
  Object.defineProperty(large, 'length', { value: IMPORT_BYTES_MAX })
  yield large
}

async function* broken(): AsyncGenerator<Uint8Array> {
  yield Buffer.from(HEADER)
  throw new Error('ECONNRESET')
}

test('ImportedCast asks before each piece whether more may be kept', async () => {
  let looks = 0
  const look = () => {
    looks += 1
    if (looks === 2) throw new Fault('overloaded', 'full')
  }
  await expect(read(pieces(HEADER, '[1,"o","x"]\n'), look)).rejects.toMatchObject({
    code: 'overloaded',
  })
})
