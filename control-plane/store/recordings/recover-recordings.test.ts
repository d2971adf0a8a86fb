import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  aFrame,
  aNewRecording,
  OTHER_RECORDING_ID,
  openRecordingParts,
  RECORDING_ID,
  type RecordingParts,
} from '../../../test/support/recording-parts.ts'
import { encodeFrame } from './chunk-frame.ts'
import { recoverRecordings } from './recover-recordings.ts'
import { readSegment, segmentOf, writeSegment } from './segment-file.ts'
import { UnlistedFiles } from './unlisted-files.ts'

let parts: RecordingParts
let unlisted: UnlistedFiles
beforeEach(async () => {
  parts = await openRecordingParts()
  unlisted = new UnlistedFiles(parts.folder)
  parts.rows.insert(aNewRecording())
})
afterEach(() => parts.close())

const recover = () => {
  const { rows, queue, folder } = parts
  return recoverRecordings({ rows, queue, folder, unlisted, now: () => 77 })
}

function writeJournal(number: number, ...bytes: readonly Uint8Array[]): Promise<void> {
  const name = `journal-${String(number).padStart(12, '0')}.log`
  return writeFile(join(parts.folder, name), Buffer.concat(bytes))
}

async function numbers(): Promise<number[]> {
  const segments = parts.rows.segments(RECORDING_ID)
  const frames = await Promise.all(segments.map((segment) => readSegment(parts.folder, segment)))
  return frames.flat().map(({ number }) => number)
}

test('recoverRecordings() makes a segment of what stood in the journal, and ends what was open', async () => {
  await writeJournal(1, encodeFrame(aFrame(1)), encodeFrame(aFrame(2)))
  await writeJournal(2, encodeFrame(aFrame(3)), encodeFrame(aFrame(4)).subarray(0, -1))
  expect(await recover()).toBe(0)
  expect(await numbers()).toEqual([1, 2, 3])
  expect(parts.rows.get(RECORDING_ID)).toMatchObject({
    chunks: 3,
    end: { ending: 'interrupted', endedAtMs: 77, reason: expect.stringContaining('control plane') },
  })
  expect(await readdir(parts.folder)).toEqual([`${RECORDING_ID}-00000001.zst`])
})

test('recoverRecordings() takes nothing twice that has a segment, and nothing after a gap', async () => {
  const { folder, rows } = parts
  rows.insertSegment(
    await writeSegment(folder, segmentOf(RECORDING_ID, 1, [aFrame(1), aFrame(2)])),
    2,
  )
  await writeJournal(1, ...[2, 3, 5].map((number) => encodeFrame(aFrame(number))))
  await recover()
  expect(await numbers()).toEqual([1, 2, 3])
})

test('recoverRecordings() changes nothing when nothing was left, and nothing when done again', async () => {
  await writeJournal(1, encodeFrame(aFrame(1)))
  await recover()
  const before = parts.rows.get(RECORDING_ID)
  expect(await recover()).toBe(0)
  expect(parts.rows.get(RECORDING_ID)).toEqual(before)
})

test('recoverRecordings() sets aside what the database does not list, its journal too', async () => {
  const stranger = aFrame(1, 'a', OTHER_RECORDING_ID)
  await writeSegment(parts.folder, segmentOf(OTHER_RECORDING_ID, 1, [stranger]))
  await writeJournal(1, encodeFrame(aFrame(1)), encodeFrame(aFrame(2, 'a', OTHER_RECORDING_ID)))
  expect(await recover()).toBe(2)
  expect(unlisted.size().unlistedFiles).toBe(2)
  expect(await numbers()).toEqual([1])
})

test('recoverRecordings() removes what somebody deleted, instead of setting it aside', async () => {
  const { folder, rows } = parts
  rows.insertSegment(await writeSegment(folder, segmentOf(RECORDING_ID, 1, [aFrame(1)])), 1)
  rows.remove(RECORDING_ID, { username: 'bob', atMs: 1 })
  expect(await recover()).toBe(0)
  expect(await readdir(folder)).toEqual([])
})
