import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  aNewRecording,
  aStoredChunk,
  openRecordingParts,
  RECORDING_ID,
  type RecordingParts,
} from '../../../test/support/recording-parts.ts'
import type { RecordingStore } from '../recording-store.ts'
import { openFileRecordings } from './file-recording-store.ts'

let parts: RecordingParts
let store: RecordingStore
let setAside: number[][]

beforeEach(async () => {
  parts = await openRecordingParts()
  setAside = []
  store = await open()
  await store.begin(aNewRecording())
})
afterEach(async () => {
  await store.close()
  await parts.close()
})

function open(): Promise<RecordingStore> {
  const { database, queue, folder } = parts
  return openFileRecordings({
    ...{ database, queue, folder, now: () => 77 },
    appendImport: () => expect.unreachable(),
    onSetAside: (files, bytes) => setAside.push([files, bytes]),
    ...{ journalBytes: 150, segmentBytes: 400 },
  })
}

const END = { ending: 'finished', reason: '', endedAtMs: 9 } as const

async function numbers(after = 0): Promise<number[]> {
  const found: number[] = []
  for await (const { number } of store.read(RECORDING_ID, after)) found.push(number)
  return found
}

test('openFileRecordings() reads over segments and journal, also while segments are made', async () => {
  const reading: Promise<number[]>[] = []
  for (let number = 1; number <= 30; number += 1) {
    await store.append(RECORDING_ID, aStoredChunk(number))
    reading.push(numbers())
  }
  const counts = (await Promise.all(reading)).map((found) => {
    expect(found).toEqual(found.map((_, index) => index + 1))
    return found.length
  })
  // What was acknowledged when the reader began is there.
  counts.forEach((count, index) => {
    expect(count).toBeGreaterThan(index)
  })
  expect(await numbers(28)).toEqual([29, 30])
})

test('openFileRecordings() shows no segment that is not what was written', async () => {
  await store.append(RECORDING_ID, aStoredChunk(1))
  await store.end(RECORDING_ID, END)
  await writeFile(join(parts.folder, `${RECORDING_ID}-00000001.zst`), 'x')
  await expect(numbers()).rejects.toMatchObject({ code: 'audit_unavailable' })
  expect((await store.verify(9)).damaged).toEqual([RECORDING_ID])
})

test('openFileRecordings() counts what is stored: journal, segments, and less after a removal', async () => {
  await store.append(RECORDING_ID, aStoredChunk(1, 'x'.repeat(900)))
  expect(store.size()).toMatchObject({ open: 1 })
  expect(store.size().bytes).toBeGreaterThan(900)
  await store.end(RECORDING_ID, END)
  const { bytes } = store.size()
  await store.remove(RECORDING_ID, { username: 'bob', atMs: 1 })
  expect(store.size().bytes).toBeLessThan(bytes)
  await store.close()
  store = await open()
  expect(store.size()).toMatchObject({ bytes: 0, open: 0 })
})

test('openFileRecordings() ends what was open at the end of the process, with all of it', async () => {
  await store.append(RECORDING_ID, aStoredChunk(1))
  await store.close()
  store = await open()
  expect(await numbers()).toEqual([1])
  expect((await store.get(RECORDING_ID))?.end).toMatchObject({ ending: 'interrupted' })
})

test('openFileRecordings() says what it set aside, and dropUnlisted() removes it', async () => {
  await store.close()
  await writeFile(join(parts.folder, '01M7Q5CQKV0123456789000009-00000001.zst'), 'strange')
  store = await open()
  expect(setAside).toEqual([[1, 7]])
  expect(store.size()).toMatchObject({ unlistedFiles: 1, unlistedBytes: 7 })
  await store.dropUnlisted(1)
  expect(store.size()).toMatchObject({ unlistedFiles: 0 })
  expect(await readdir(join(parts.folder, 'unlisted'))).toEqual([])
})

test('openFileRecordings() throws audit_unavailable for a folder that is none', async () => {
  await store.close()
  const { database, queue, folder } = parts
  await writeFile(join(folder, 'file'), '')
  const broken = openFileRecordings({
    ...{ database, queue, folder: join(folder, 'file', 'below'), now: () => 77 },
    appendImport: () => expect.unreachable(),
  })
  await expect(broken).rejects.toMatchObject({ code: 'audit_unavailable' })
  store = await open()
})
