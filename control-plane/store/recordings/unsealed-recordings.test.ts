import { rm, writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  aNewRecording,
  aStoredChunk,
  OTHER_RECORDING_ID,
  openRecordingParts,
  RECORDING_ID,
  type RecordingParts,
} from '../../../test/support/recording-parts.ts'
import { ChunkJournal, journalNames } from './chunk-journal.ts'
import { UnsealedRecordings } from './unsealed-recordings.ts'

let parts: RecordingParts
let journal: ChunkJournal
let live: UnsealedRecordings
let storedBytes: number
let told: number

beforeEach(async () => {
  parts = await openRecordingParts()
  journal = await ChunkJournal.open(parts.folder, 150)
  storedBytes = 0
  live = new UnsealedRecordings({
    ...{ folder: parts.folder, rows: parts.rows, changes: parts.changes, commits: parts.commits },
    ...{ journal, segmentBytes: 1_000 },
    onStored: (bytes) => {
      storedBytes += bytes
    },
  })
  await live.begin(aNewRecording())
  told = 0
  parts.changes.listen(() => {
    told += 1
  })
})
afterEach(async () => {
  await journal.close()
  await parts.close()
})

const END = { ending: 'finished', reason: '', endedAtMs: 9 } as const
const append = (number: number, id = RECORDING_ID) =>
  live.append(id, aStoredChunk(number, 'x'.repeat(54)))

test('UnsealedRecordings.begin() takes a decision once', async () => {
  await expect(live.begin(aNewRecording())).rejects.toMatchObject({ code: 'binding_conflict' })
  expect(live.size).toBe(1)
})

test('UnsealedRecordings.append() says where a chunk stands until it has a segment, and wakes who listens', async () => {
  await append(1)
  expect(told).toBe(1)
  const place = live.placeAfter(RECORDING_ID, 0)
  expect(place).toMatchObject({ number: 1 })
  expect(live.placeAfter(RECORDING_ID, 1)).toBeUndefined()
  await live.end(RECORDING_ID, END)
  expect(place !== undefined && live.holds(RECORDING_ID, place)).toBe(false)
  expect(live.placeAfter(RECORDING_ID, 0)).toBeUndefined()
  expect(parts.rows.segments(RECORDING_ID)).toHaveLength(1)
  expect(storedBytes).toBe(parts.rows.storedBytes())
})

test('UnsealedRecordings.append() takes nothing after a chunk that could not be written', async () => {
  await journal.close()
  await rm(parts.folder, { recursive: true })
  await writeFile(parts.folder, '')
  await expect(append(1)).rejects.toMatchObject({ code: 'audit_unavailable' })
  await rm(parts.folder)
  await expect(append(2)).rejects.toMatchObject({ message: expect.stringContaining('earlier') })
  await live.end(RECORDING_ID, END)
  expect(parts.rows.get(RECORDING_ID)).toMatchObject({ chunks: 0, end: END })
})

test('UnsealedRecordings.append() seals a quiet recording that would keep old files of the journal', async () => {
  await live.begin(aNewRecording({ id: OTHER_RECORDING_ID, decisionSequence: 2 }))
  await append(1, OTHER_RECORDING_ID)
  for (let number = 1; number <= 8; number += 1) await append(number)
  expect(parts.rows.segments(OTHER_RECORDING_ID)).toHaveLength(1)
})

test('UnsealedRecordings.end() waits for what was appended, and keeps the first end', async () => {
  const appended = append(1)
  await appended
  await Promise.all([
    live.end(RECORDING_ID, END),
    live.end(RECORDING_ID, { ...END, ending: 'cut' }),
  ])
  expect(parts.rows.get(RECORDING_ID)).toMatchObject({ chunks: 1, end: END })
  expect(live.size).toBe(0)
  await expect(append(2)).rejects.toMatchObject({ code: 'not_found' })
  await live.end(OTHER_RECORDING_ID, END)
})

test('UnsealedRecordings.discard() forgets a recording, and gives its room in the journal back', async () => {
  await append(1)
  await append(2)
  await live.discard(RECORDING_ID)
  await live.discard(RECORDING_ID)
  expect(live.size).toBe(0)
  await expect(append(3)).rejects.toMatchObject({ code: 'not_found' })
  expect(parts.rows.segments(RECORDING_ID)).toEqual([])
})

test('UnsealedRecordings.discard() waits for an end that is being written', async () => {
  await append(1)
  const ending = live.end(RECORDING_ID, END)
  await live.discard(RECORDING_ID)
  parts.rows.forget(RECORDING_ID)
  await ending
  expect(parts.rows.segments(RECORDING_ID)).toEqual([])
  await live.begin(aNewRecording())
  await append(1)
  await live.end(RECORDING_ID, END)
  await journal.close()
  expect(await journalNames(parts.folder)).toEqual([])
})

test('UnsealedRecordings.endAll() ends each, also when one cannot be ended', async () => {
  await live.begin(aNewRecording({ id: OTHER_RECORDING_ID, decisionSequence: 2 }))
  parts.rows.forget(RECORDING_ID)
  await live.endAll({ ...END, ending: 'interrupted' })
  expect(live.size).toBe(0)
  expect(parts.rows.get(OTHER_RECORDING_ID)?.end?.ending).toBe('interrupted')
})
