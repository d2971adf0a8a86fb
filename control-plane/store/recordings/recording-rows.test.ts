import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  aNewRecording,
  OTHER_RECORDING_ID,
  openRecordingParts,
  RECORDING_ID,
  type RecordingParts,
} from '../../../test/support/recording-parts.ts'
import type { Segment } from './segment-file.ts'

let parts: RecordingParts
beforeEach(async () => {
  parts = await openRecordingParts()
})
afterEach(() => parts.close())

const END = { ending: 'finished', reason: '', endedAtMs: 9 } as const
const BOB = { username: 'bob', atMs: 10 }

function aSegment(number: number, id = RECORDING_ID): Segment {
  const chunks = { firstChunk: number * 10, lastChunk: number * 10 + 9 }
  return { id, number, ...chunks, rawBytes: 100, storedBytes: 7, sha256: Buffer.alloc(32, number) }
}

test('RecordingRows.insert() takes an id once, and a place in the log once', () => {
  const { rows } = parts
  expect(rows.insert(aNewRecording())).toBe(true)
  expect(rows.insert(aNewRecording({ decisionSequence: 2 }))).toBe(false)
  expect(rows.insert(aNewRecording({ id: OTHER_RECORDING_ID }))).toBe(false)
})

test('RecordingRows adds up segments, and each write gets the next revision', () => {
  const { rows } = parts
  rows.insert(aNewRecording())
  rows.insertSegment(aSegment(1), 500)
  rows.insertSegment(aSegment(2), 900)
  const found = rows.get(RECORDING_ID)
  expect(found).toMatchObject({ chunks: 29, durationUs: 900, rawBytes: 200, storedBytes: 14 })
  expect(found).toMatchObject({ revision: 3, digests: ['01'.repeat(32), '02'.repeat(32)] })
  expect([rows.revision(), rows.storedBytes(), rows.countSegments()]).toEqual([3, 14, 2])
  expect(rows.segmentsAfter(RECORDING_ID, 1, 9)).toEqual([aSegment(2)])
})

test('RecordingRows.end() keeps the first end, and open() is without it', () => {
  const { rows } = parts
  rows.insert(aNewRecording())
  expect(rows.open()).toEqual([RECORDING_ID])
  rows.end(RECORDING_ID, END)
  rows.end(RECORDING_ID, { ...END, ending: 'cut' })
  expect([rows.open(), rows.get(RECORDING_ID)?.end]).toEqual([[], END])
})

test('RecordingRows.remove() keeps only who removed it', () => {
  const { rows } = parts
  rows.insert(aNewRecording())
  rows.insertSegment(aSegment(1), 500)
  rows.remove(RECORDING_ID, BOB)
  expect([rows.get(RECORDING_ID), rows.segments(RECORDING_ID)]).toEqual([undefined, []])
  expect([rows.isKnown(RECORDING_ID), rows.isDeleted(RECORDING_ID)]).toEqual([true, true])
  expect(rows.hasSegment(RECORDING_ID, 1)).toBe(false)
  expect(rows.deletions(9)).toEqual([{ id: RECORDING_ID, ...BOB }])
  expect(rows.totals()).toEqual({ count: 0, imported: 0 })
})

test('RecordingRows.removed() says what people could read, and forget() leaves nothing', () => {
  const { database, rows } = parts
  rows.insert(aNewRecording())
  rows.insert(aNewRecording({ id: OTHER_RECORDING_ID, decisionSequence: 2 }))
  rows.noteReader(RECORDING_ID, BOB)
  rows.remove(OTHER_RECORDING_ID, BOB)
  expect(rows.removed(9)).toEqual([])
  database.sqlite.exec('update recording set removed_at_ms = 1')
  const removed = rows.removed(9)
  expect(removed.map(({ id, gone }) => [id, gone?.pod])).toEqual([
    [RECORDING_ID, aNewRecording().pod],
    [OTHER_RECORDING_ID, undefined],
  ])
  expect([rows.get(RECORDING_ID), rows.list({}, 0, 9), rows.open()]).toEqual([undefined, [], []])
  for (const { id } of removed) rows.forget(id)
  expect([rows.isKnown(RECORDING_ID), rows.removed(9)]).toEqual([false, []])
  expect(rows.insert(aNewRecording())).toBe(true)
  expect(rows.get(RECORDING_ID)?.readers).toEqual([])
})
