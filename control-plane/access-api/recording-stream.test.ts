import type { ServerResponse } from 'node:http'
import { PassThrough } from 'node:stream'
import { create, toBinary } from '@bufbuild/protobuf'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { SessionChunkSchema } from '../../proto/gen/lanyard/v1/recording_pb.ts'
import { sessionEventToMessage } from '../../proto/session-event-message.ts'
import { NOON_MS } from '../../test/support/record-builders.ts'
import { aNewRecording, RECORDING_ID } from '../../test/support/recording-parts.ts'
import { openStore } from '../store/open-store.ts'
import type { Store } from '../store/store.ts'
import { type RecordingForm, streamRecording } from './recording-stream.ts'
import { toSessionObject } from './session-object.ts'

/** What a client gets. */
class Outgoing extends PassThrough {
  type = ''
  text = ''

  writeHead(_status: number, headers: Readonly<Record<string, string>>): this {
    this.type = headers['content-type'] ?? ''
    this.on('data', (chunk: Buffer) => {
      this.text += chunk.toString()
    })
    return this
  }
}

let store: Store
let stopping: AbortController
let out: Outgoing

beforeEach(async () => {
  store = await openStore(':memory:')
  await store.recordings.begin(aNewRecording())
  stopping = new AbortController()
  out = new Outgoing()
})
afterEach(async () => {
  stopping.abort()
  await store.close()
})

async function append(number: number, text: string): Promise<void> {
  const event = { kind: 'output', atUs: number, bytes: Buffer.from(text) } as const
  const events = [sessionEventToMessage(event)]
  const chunk = create(SessionChunkSchema, { number: BigInt(number), events })
  const bytes = toBinary(SessionChunkSchema, chunk)
  await store.recordings.append(RECORDING_ID, { number, lastUs: number, bytes })
}
const end = () =>
  store.recordings.end(RECORDING_ID, { ending: 'finished', reason: '', endedAtMs: NOON_MS })

async function stream(form: RecordingForm, follow = false): Promise<void> {
  const recording = await store.recordings.get(RECORDING_ID)
  if (recording === undefined) throw new Error('there is none')
  await streamRecording(out as unknown as ServerResponse, {
    ...{ recordings: store.recordings, recording, form, follow, stopping: stopping.signal },
    session: toSessionObject(recording, undefined),
    mayGoOn: async () => true,
  })
}
const lines = () =>
  out.text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

test('streamRecording() sends a live session as far as it has come, without an end', async () => {
  await append(1, 'ab')
  await stream('events')
  expect(out.type).toBe('application/x-ndjson')
  expect(lines()).toMatchObject([
    { version: 1, session: { metadata: { uid: RECORDING_ID } } },
    { kind: 'output', atUs: 1, bytes: Buffer.from('ab').toString('base64') },
  ])
})

test('streamRecording() sends the end of a session that has one', async () => {
  await end()
  await stream('events')
  expect(lines().at(-1)).toEqual({ ending: 'finished', reason: '' })
})

test('streamRecording() renders an asciicast', async () => {
  await append(1, 'ab')
  await end()
  await stream('asciicast')
  expect(out.type).toBe('application/x-asciicast')
  expect(lines()[0]).toMatchObject({ version: 3 })
  expect(out.text).toContain('"ab"')
})

test('streamRecording() follows until the session ends, and leaves nobody listening', async () => {
  const following = stream('events', true)
  await append(1, 'one')
  await expect.poll(() => out.text).toContain(Buffer.from('one').toString('base64'))
  await append(2, 'two')
  await end()
  await following
  expect(lines().map(({ kind, ending }) => kind ?? ending)).toEqual([
    ...[undefined, 'output', 'output', 'finished'],
  ])
})

test.each([
  ['the process stops', () => stopping.abort()],
  ['the client goes', () => void out.destroy()],
])('streamRecording() follows no longer when %s', async (_name, stop) => {
  const following = stream('events', true)
  await append(1, 'one')
  await expect.poll(() => out.text).toContain('output')
  stop()
  await following
  await append(2, 'two')
  expect(out.text).not.toContain(Buffer.from('two').toString('base64'))
})
