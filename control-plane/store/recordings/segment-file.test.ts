import { readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  aFrame,
  OTHER_RECORDING_ID,
  openRecordingParts,
  RECORDING_ID,
  type RecordingParts,
} from '../../../test/support/recording-parts.ts'
import {
  isWhole,
  moveSegments,
  parseSegmentName,
  readSegment,
  removeSegments,
  segmentOf,
  writeSegment,
} from './segment-file.ts'

let parts: RecordingParts
beforeEach(async () => {
  parts = await openRecordingParts()
})
afterEach(() => parts.close())

const FRAMES = [aFrame(4), aFrame(5, 'x'.repeat(100_000)), aFrame(6, '')]
const write = () => writeSegment(parts.folder, segmentOf(RECORDING_ID, 2, FRAMES))
const NAME = `${RECORDING_ID}-00000002.zst`

test('readSegment() gives back what writeSegment() wrote, which is smaller', async () => {
  const segment = await write()
  expect(segment).toMatchObject({ id: RECORDING_ID, number: 2, firstChunk: 4, lastChunk: 6 })
  expect(segment.storedBytes).toBeLessThan(segment.rawBytes / 100)
  expect(await readSegment(parts.folder, segment)).toEqual(FRAMES)
  expect(await isWhole(parts.folder, segment)).toBe(true)
})

test('writeSegment() takes the place of a file that was not finished', async () => {
  await writeFile(join(parts.folder, NAME), 'x'.repeat(1_000_000))
  expect(await readSegment(parts.folder, await write())).toEqual(FRAMES)
})

test('readSegment() and isWhole() take no file that is not what was written, or not there', async () => {
  const segment = await write()
  const bytes = await readFile(join(parts.folder, NAME))
  bytes[20] = (bytes[20] ?? 0) ^ 1
  await writeFile(join(parts.folder, NAME), bytes)
  await expect(readSegment(parts.folder, segment)).rejects.toThrow('digest')
  expect(await isWhole(parts.folder, segment)).toBe(false)
  await truncate(join(parts.folder, NAME), 5)
  expect(await isWhole(parts.folder, segment)).toBe(false)
  await removeSegments(parts.folder, [segment])
  expect(await isWhole(parts.folder, segment)).toBe(false)
})

test('moveSegments() and removeSegments() touch the files of these segments only', async () => {
  const segment = await write()
  const other = await writeSegment(
    parts.folder,
    segmentOf(OTHER_RECORDING_ID, 1, [aFrame(1, 'a', OTHER_RECORDING_ID)]),
  )
  const away = join(parts.folder, 'away')
  await expect(moveSegments(parts.folder, away, [segment])).rejects.toThrow('ENOENT')
  await removeSegments(parts.folder, [segment, { id: RECORDING_ID, number: 9 }])
  expect(await readdir(parts.folder)).toEqual([`${other.id}-00000001.zst`])
})

test.each([
  [NAME, { id: RECORDING_ID, number: 2 }],
  [`${RECORDING_ID}-2.zst`, undefined],
  [`${RECORDING_ID}-00000002.zst.7`, undefined],
  ['journal-000000000001.log', undefined],
  [`../${NAME}`, undefined],
])('parseSegmentName(%j) is %j', (name, place) => {
  expect(parseSegmentName(name)).toEqual(place)
})
