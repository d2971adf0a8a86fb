import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  aFrame,
  openRecordingParts,
  type RecordingParts,
} from '../../../test/support/recording-parts.ts'
import type { ChunkFrame } from './chunk-frame.ts'
import { ChunkJournal, journalNames, leftInJournal, removeJournal } from './chunk-journal.ts'

let parts: RecordingParts
let folder: string
let journal: ChunkJournal

beforeEach(async () => {
  parts = await openRecordingParts()
  folder = join(parts.folder, 'recordings')
  // A frame of ten bytes takes 56: two fill a file.
  journal = await ChunkJournal.open(folder, 100)
})
afterEach(async () => {
  await journal.close()
  await parts.close()
})

const ten = (number: number) => aFrame(number, `${number}`.padEnd(10))

async function left(): Promise<ChunkFrame[]> {
  const frames: ChunkFrame[] = []
  for await (const frame of leftInJournal(folder)) frames.push(frame)
  return frames
}

test('append() puts chunks on disk in the order in which they came', async () => {
  const frames = [1, 2, 3].map(ten)
  const places = await Promise.all(frames.map((frame) => journal.append(frame)))
  expect(await left()).toEqual(frames)
  expect(await Promise.all(places.map((place) => journal.read(place)))).toEqual(frames)
  expect(journal.size()).toBe(3 * 56)
})

test('append() writes what comes in one turn together, and begins a new file once one is full', async () => {
  const together = await Promise.all([1, 2, 3, 4].map((number) => journal.append(ten(number))))
  const later = await journal.append(ten(5))
  expect(together.map(({ file }) => file)).toEqual([1, 1, 1, 1])
  expect(later.file).toBe(2)
})

test('readFrames() reads over the ends of files, and refuses what has gone', async () => {
  const frames = [1, 2, 3, 4, 5].map(ten)
  const places = []
  for (const frame of frames) places.push(await journal.append(frame))
  const raw = await journal.readFrames(places, Buffer.alloc(1_000))
  expect(raw.length).toBe(5 * 56)
  await journal.release(places.slice(0, 2))
  await expect(journal.readFrames(places, Buffer.alloc(1_000))).rejects.toThrow('no longer')
})

test('release() removes a file once none of its chunks is needed, but not the one that is written to', async () => {
  const [one, two, three] = [
    await journal.append(ten(1)),
    await journal.append(ten(2)),
    await journal.append(ten(3)),
  ]
  await journal.release([one])
  expect(await journalNames(folder)).toHaveLength(2)
  await journal.release([two, three])
  expect(await journalNames(folder)).toEqual(['journal-000000000002.log'])
  await journal.append(ten(4))
  expect(journal.size()).toBe(2 * 56)
})

test('release() removes the file that is written to once it is large and nothing of it is needed', async () => {
  const place = await journal.append(aFrame(1, 'x'.repeat(1_100_000)))
  expect(journal.size()).toBeGreaterThan(1_100_000)
  await journal.release([place])
  expect([journal.size(), await journalNames(folder)]).toEqual([0, []])
  await journal.append(ten(2))
  expect(journal.size()).toBe(56)
})

test('append() goes on in a new file after a write that failed', async () => {
  await journal.append(ten(1))
  await journal.append(ten(2))
  await rename(folder, `${folder}-away`)
  await writeFile(folder, '')
  await expect(journal.append(ten(3))).rejects.toMatchObject({ code: expect.stringMatching('E') })
  await rm(folder)
  await rename(`${folder}-away`, folder)
  await journal.append(ten(4))
  expect((await left()).map(({ number }) => number)).toEqual([1, 2, 4])
})

test('close() leaves the files that are needed, and open() begins after them', async () => {
  const [one, two] = [await journal.append(ten(1)), await journal.append(ten(2))]
  const three = await journal.append(ten(3))
  await journal.release([one, two])
  await journal.close()
  expect(await journalNames(folder)).toEqual(['journal-000000000002.log'])
  journal = await ChunkJournal.open(folder, 100)
  expect((await journal.append(ten(4))).file).toBe(three.file + 1)
})

test('close() leaves no file of which nothing is needed', async () => {
  await journal.release([await journal.append(ten(1))])
  await journal.close()
  expect(await journalNames(folder)).toEqual([])
})

test('removeJournal() removes the files of the journal, and no others', async () => {
  await mkdir(folder, { recursive: true })
  const names = ['journal-000000000007.log', 'journal-7.log', 'x.zst']
  for (const name of names) await writeFile(join(folder, name), '')
  expect(await journalNames(folder)).toEqual(names.slice(0, 1))
  await removeJournal(folder)
  expect(await journalNames(folder)).toEqual([])
  await expect(writeFile(join(folder, 'x.zst'), '', { flag: 'wx' })).rejects.toThrow('EEXIST')
})
