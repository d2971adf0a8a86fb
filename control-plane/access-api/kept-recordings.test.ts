import { beforeEach, expect, test } from 'vitest'
import type { SegmentLook } from '../store/recording-store.ts'
import { KeptRecordings } from './kept-recordings.ts'

let nowMs: number
let looks: number[]
let look: () => Promise<SegmentLook>
let kept: KeptRecordings

beforeEach(() => {
  nowMs = 1_000
  looks = []
  look = async () => ({ segments: 2, bytes: 20, of: 9, damaged: ['A'] })
  kept = new KeptRecordings(
    {
      size: () => ({ bytes: 30, open: 1, unlistedFiles: 4, unlistedBytes: 40 }),
      totals: () => ({ count: 5, imported: 2, oldestBeganAtMs: 0 }),
      verify: (segmentsMax) => {
        looks.push(segmentsMax)
        return look()
      },
    },
    { bytesMax: 100, freeBytesMin: 50 },
    () => nowMs,
  )
})

test('KeptRecordings.read() tells how recordings are, and what was compared', async () => {
  expect(await kept.read()).toEqual({
    ...{ count: 5, imported: 2, live: 1, bytes: 30, bytesMax: 100, freeBytesMin: 50 },
    ...{ oldestBeganAt: '1970-01-01T00:00:00Z', unlistedFiles: 4, unlistedBytes: 40 },
    ...{ comparedSegments: 2, segments: 9, comparedBytes: 20, damaged: ['A'] },
  })
})

test('KeptRecordings.read() compares once in half a minute, however many ask', async () => {
  await Promise.all([kept.read(), kept.read()])
  nowMs += 29_999
  await kept.read()
  expect(looks).toHaveLength(1)
  nowMs += 1
  await kept.read()
  expect(looks).toEqual([64, 64])
})

test('KeptRecordings.read() throws what a look throws, and looks again later', async () => {
  look = () => Promise.reject(new Error('EIO'))
  await expect(kept.read()).rejects.toThrow('EIO')
  nowMs += 30_000
  look = async () => ({ segments: 0, bytes: 0, of: 0, damaged: [] })
  expect(await kept.read()).toMatchObject({ comparedSegments: 0 })
})
