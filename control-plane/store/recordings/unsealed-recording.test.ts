import { expect, test } from 'vitest'
import { aStoredChunk } from '../../../test/support/recording-parts.ts'
import type { JournalPlace } from './chunk-journal.ts'
import { UnsealedRecording } from './unsealed-recording.ts'

const place = (number: number, length: number): JournalPlace => ({
  ...{ file: 1, offset: 0, length, number, lastUs: 0 },
})

function withPlaces(...lengths: number[]): UnsealedRecording {
  const open = new UnsealedRecording()
  lengths.forEach((length, index) => {
    open.add(place(index + 1, length))
  })
  return open
}

test.each([
  ['none where there is none', [], 100, []],
  ['as many as fit', [40, 60, 1], 100, [1, 2]],
  ['all where all fit', [40, 60], 1_000, [1, 2]],
  ['at least one', [500, 1], 100, [1]],
])('UnsealedRecording.oldest() takes %s', (_name, lengths, most, numbers) => {
  const found = withPlaces(...lengths).oldest(most)
  expect(found.map(({ number }) => number)).toEqual(numbers)
})

test('UnsealedRecording.sealed() takes the oldest away, with their bytes', () => {
  const open = withPlaces(10, 20, 40)
  open.sealed(2)
  expect(open.unsealed.map(({ number }) => number)).toEqual([3])
  expect([open.unsealedBytes, open.segments]).toEqual([40, 1])
})

test('UnsealedRecording.take() wants the next number, at no earlier time', () => {
  const open = new UnsealedRecording()
  expect(() => open.take(aStoredChunk(2))).toThrow('Chunk 1 comes next, not 2')
  open.take({ ...aStoredChunk(1), lastUs: 5 })
  open.take({ ...aStoredChunk(2), lastUs: 5 })
  expect(() => open.take({ ...aStoredChunk(3), lastUs: 4 })).toThrow('before the chunk')
  expect(() => open.take({ ...aStoredChunk(3), lastUs: Number.NaN })).toThrow('before the chunk')
  open.take({ ...aStoredChunk(3), lastUs: 6 })
})
