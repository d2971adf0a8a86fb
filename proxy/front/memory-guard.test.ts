import { expect, test } from 'vitest'
import {
  createMemoryGuard,
  memoryLimitBytes,
  privateBytes,
  requestsThatFit,
} from './memory-guard.ts'

test.each([
  ['half of the limit', 1_000, 500, false],
  ['the mark', 1_000, 800, false],
  ['more than the mark', 1_000, 801, true],
  ['more than the limit', 1_000, 2_000, true],
  ['anything without a limit', 0, 2_000, false],
])('createMemoryGuard() with %s', (_name, limitBytes, bytes, want) => {
  const guard = createMemoryGuard({ limitBytes, readBytes: () => bytes, nowMs: () => 0 })
  expect(guard.isTight()).toBe(want)
})

test('createMemoryGuard() measures now and then, and is no longer tight when memory is back', () => {
  let nowMs = 0
  let bytes = 900
  let measured = 0
  const guard = createMemoryGuard({
    limitBytes: 1_000,
    readBytes: () => {
      measured += 1
      return bytes
    },
    nowMs: () => nowMs,
  })
  expect([guard.isTight(), guard.isTight(), measured]).toEqual([true, true, 1])
  bytes = 100
  nowMs = 49
  expect(guard.isTight()).toBe(true)
  nowMs = 50
  expect([guard.isTight(), measured]).toEqual([false, 2])
})

test('privateBytes() and memoryLimitBytes() read what the kernel says', () => {
  expect(privateBytes()).toBeGreaterThan(4 * 1024 * 1024)
  expect(memoryLimitBytes()).toBeGreaterThanOrEqual(0)
})

test.each([
  ['no limit', 0, Number.POSITIVE_INFINITY],
  ['the limit of the chart', 512, 1_187],
  ['a small limit', 96, 122],
  ['less than it needs idle', 32, 32],
])('requestsThatFit() with %s', (_name, mebibytes, want) => {
  expect(requestsThatFit(mebibytes * 1024 * 1024)).toBe(want)
})
