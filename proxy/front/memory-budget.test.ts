import { expect, test } from 'vitest'
import { HEAD_BYTES_MAX } from './head-budget.ts'
import { longHeadBytesThatFit, requestsThatFit } from './memory-budget.ts'

const MEBIBYTE = 1024 * 1024

test.each([
  ['no limit', 0, Number.POSITIVE_INFINITY],
  ['the limit of the chart: 1,000 watches', 832, 1_003],
  ['half of it', 416, 459],
  ['the least of the chart', 96, 41],
  ['less than it needs idle', 32, 32],
])('requestsThatFit() with %s', (_name, mebibytes, want) => {
  expect(requestsThatFit(mebibytes * MEBIBYTE)).toBe(want)
})

test.each([
  ['no limit', 0, 8 * HEAD_BYTES_MAX],
  ['the limit of the chart', 832, 8 * HEAD_BYTES_MAX],
  ['the least of the chart', 96, 2 * MEBIBYTE],
  ['a limit below that: one of the longest', 8, HEAD_BYTES_MAX],
])('longHeadBytesThatFit() with %s', (_name, mebibytes, want) => {
  expect(longHeadBytesThatFit(mebibytes * MEBIBYTE)).toBe(want)
})
