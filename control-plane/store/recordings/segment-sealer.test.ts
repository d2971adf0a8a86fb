import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  aFrame,
  openRecordingParts,
  RECORDING_ID,
  type RecordingParts,
} from '../../../test/support/recording-parts.ts'
import { ChunkJournal } from './chunk-journal.ts'
import { readSegment, type Segment } from './segment-file.ts'
import { SegmentSealer } from './segment-sealer.ts'
import { UnsealedRecording } from './unsealed-recording.ts'

let parts: RecordingParts
let journal: ChunkJournal
let open: UnsealedRecording
let recorded: Segment[]
/** What the database says to the next segment. */
let listing: () => Promise<void>

beforeEach(async () => {
  parts = await openRecordingParts()
  journal = await ChunkJournal.open(parts.folder)
  open = new UnsealedRecording()
  recorded = []
  listing = async () => {}
})
afterEach(async () => {
  await journal.close()
  await parts.close()
})

/** A frame of 54 characters takes 100 bytes: ten of them are enough for a segment, and eighty are too much. */
function openSealer(): SegmentSealer {
  return new SegmentSealer({
    ...{ journal, folder: parts.folder, segmentBytes: 1_000 },
    record: async (segment) => {
      await listing()
      recorded.push(segment)
    },
  })
}

async function write(count: number): Promise<void> {
  const from = (open.unsealed.at(-1)?.number ?? 0) + 1
  const frames = Array.from({ length: count }, (_, index) => aFrame(from + index, 'x'.repeat(54)))
  for (const place of await Promise.all(frames.map((one) => journal.append(one)))) open.add(place)
}

test('SegmentSealer.fill() makes no segment before there is enough for one', async () => {
  const sealer = openSealer()
  await write(9)
  await sealer.fill(RECORDING_ID, open)
  expect([open.filling, open.unsealed.length]).toEqual([undefined, 9])
})

test('SegmentSealer.fill() lets the session go on while a segment is written', async () => {
  const sealer = openSealer()
  const { promise, resolve } = Promise.withResolvers<void>()
  listing = () => promise
  await write(10)
  await sealer.fill(RECORDING_ID, open)
  expect([open.unsealed.length, recorded.length]).toEqual([10, 0])
  resolve()
  await open.filling
  expect([open.unsealed.length, open.segments, open.filling]).toEqual([0, 1, undefined])
  expect(await readSegment(parts.folder, recorded[0] as Segment)).toHaveLength(10)
})

test('SegmentSealer.fill() waits once too much stands in the journal, and makes larger segments then', async () => {
  const sealer = openSealer()
  await write(95)
  await sealer.fill(RECORDING_ID, open)
  expect(recorded.map(({ firstChunk, lastChunk }) => [firstChunk, lastChunk])).toEqual([
    [1, 40],
    [41, 80],
    [81, 95],
  ])
  expect(recorded.map(({ number }) => number)).toEqual([1, 2, 3])
})

test('SegmentSealer.fill() fails the recording when the segment cannot be written', async () => {
  const sealer = openSealer()
  listing = () => Promise.reject(new Error('EIO'))
  await write(80)
  await sealer.fill(RECORDING_ID, open)
  expect(open.failure?.message).toBe('EIO')
  expect(open.unsealed).toHaveLength(80)
})

test('SegmentSealer.fill() begins again for what came after the last look', async () => {
  const sealer = openSealer()
  await write(10)
  await sealer.fill(RECORDING_ID, open)
  await open.filling
  await write(10)
  await sealer.fill(RECORDING_ID, open)
  await open.filling
  expect(recorded).toHaveLength(2)
})

test('SegmentSealer.seal() takes what there is, one segment after the other, and nothing of nothing', async () => {
  const sealer = openSealer()
  await write(3)
  await Promise.all([sealer.seal(RECORDING_ID, open), sealer.seal(RECORDING_ID, open)])
  expect(recorded.map(({ lastChunk }) => lastChunk)).toEqual([3])
})

test('SegmentSealer.seal() tries again after a failure', async () => {
  const sealer = openSealer()
  await write(3)
  listing = () => Promise.reject(new Error('EIO'))
  await expect(sealer.seal(RECORDING_ID, open)).rejects.toThrow('EIO')
  listing = async () => {}
  await sealer.seal(RECORDING_ID, open)
  expect([recorded.length, open.segments]).toEqual([1, 1])
})
