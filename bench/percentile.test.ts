import { expect, test } from 'vitest'
import { median, percentile } from './percentile.ts'

const hundred = Array.from({ length: 100 }, (_, index) => 100 - index)

test.each([
  { values: hundred, percent: 50, want: 50 },
  { values: hundred, percent: 99, want: 99 },
  { values: hundred, percent: 100, want: 100 },
  { values: hundred, percent: 0, want: 1 },
  { values: [7], percent: 99, want: 7 },
  { values: [10, 9], percent: 99, want: 10 },
])('percentile $percent is $want', ({ values, percent, want }) => {
  expect(percentile(values, percent)).toBe(want)
})

test.each([
  { values: [3, 1, 2], want: 2 },
  { values: [4, 1, 2, 3], want: 2.5 },
  { values: [5], want: 5 },
])('median of $values is $want', ({ values, want }) => {
  expect(median(values)).toBe(want)
})

test('percentile and median throw for nothing', () => {
  expect(() => percentile([], 50)).toThrow(/nothing/)
  expect(() => median([])).toThrow(/nothing/)
})
