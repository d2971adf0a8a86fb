import { expect, test } from 'vitest'
import { aFrame } from '../../../test/support/recording-parts.ts'
import { decodeFrame, encodeFrame, framesOf } from './chunk-frame.ts'

const FRAMES = [aFrame(1, ''), aFrame(4_294_967_295, 'a'), aFrame(3, 'x'.repeat(70_000))]
const FILE = Buffer.concat(FRAMES.map(encodeFrame))

test('framesOf() gives back what encodeFrame() wrote, empty and long', () => {
  expect([...framesOf(FILE)]).toEqual(FRAMES)
  expect([...framesOf(Buffer.alloc(0))]).toEqual([])
})

test.each([1, 8, 45, 46, 47, 70_000])(
  'framesOf() ends before a frame of which the last %d bytes are missing',
  (missing) => {
    expect([...framesOf(FILE.subarray(0, FILE.length - missing))]).toEqual(FRAMES.slice(0, 2))
  },
)

test.each([0, 4, 8, 33, 34, 40, 46])('decodeFrame() takes no frame with byte %d changed', (at) => {
  const changed = Buffer.from(encodeFrame(aFrame(2, 'abc')))
  changed[at] = (changed[at] ?? 0) ^ 0x10
  expect(decodeFrame(changed, 0)).toBeUndefined()
})

test('decodeFrame() takes nothing of zeros, which a file system may leave after a loss of power', () => {
  expect(decodeFrame(Buffer.alloc(4_096), 0)).toBeUndefined()
})
