import { writeFile } from 'node:fs/promises'
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
import { removeSegments, segmentOf, writeSegment } from './segment-file.ts'
import { SegmentLooks } from './segment-looks.ts'

let parts: RecordingParts
let looks: SegmentLooks

/** Two segments of the one, and one of the other. */
beforeEach(async () => {
  parts = await openRecordingParts()
  const { rows, folder } = parts
  rows.insert(aNewRecording())
  rows.insert(aNewRecording({ id: OTHER_RECORDING_ID, decisionSequence: 2 }))
  for (const [id, number] of [
    [RECORDING_ID, 1],
    [RECORDING_ID, 2],
    [OTHER_RECORDING_ID, 1],
  ] as const) {
    rows.insertSegment(await writeSegment(folder, segmentOf(id, number, [aFrame(number)])), 1)
  }
  looks = new SegmentLooks(folder, rows)
})
afterEach(() => parts.close())

test('SegmentLooks.next() goes on where the last look ended, and begins again after the last', async () => {
  expect(await looks.next(2)).toMatchObject({ segments: 2, of: 3, damaged: [] })
  expect(await looks.next(2)).toMatchObject({ segments: 1, of: 3 })
  expect(await looks.next(2)).toMatchObject({ segments: 2, of: 3 })
})

test('SegmentLooks.next() names each session once whose files are changed or gone', async () => {
  for (const number of [1, 2]) {
    await writeFile(join(parts.folder, `${RECORDING_ID}-0000000${number}.zst`), 'x')
  }
  await removeSegments(parts.folder, [{ id: OTHER_RECORDING_ID, number: 1 }])
  expect((await looks.next(9)).damaged).toEqual([RECORDING_ID, OTHER_RECORDING_ID])
})

test('SegmentLooks.next() calls nothing damaged that went with its session meanwhile', async () => {
  const looking = looks.next(9)
  parts.rows.remove(OTHER_RECORDING_ID, { username: 'bob', atMs: 1 })
  await removeSegments(parts.folder, [{ id: OTHER_RECORDING_ID, number: 1 }])
  expect((await looking).damaged).toEqual([])
})
