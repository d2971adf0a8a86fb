import { expect, test } from 'vitest'
import { humanDuration } from './human-duration.ts'

test.each([
  [-5_000, '<invalid>'],
  [-1_000, '0s'],
  [0, '0s'],
  [999, '0s'],
  [119_000, '119s'],
  [120_000, '2m'],
  [312_000, '5m12s'],
  [600_000, '10m'],
  [10_799_000, '179m'],
  [3 * 3_600_000, '3h'],
  [3 * 3_600_000 + 60_000, '3h1m'],
  [8 * 3_600_000, '8h'],
  [47 * 3_600_000, '47h'],
  [48 * 3_600_000, '2d'],
  [51 * 3_600_000, '2d3h'],
  [9 * 86_400_000, '9d'],
  [3 * 365 * 86_400_000 + 2 * 86_400_000, '3y2d'],
  [9 * 365 * 86_400_000, '9y'],
  [Number.NaN, '<invalid>'],
])('humanDuration() of %s ms is %s', (durationMs, want) => {
  expect(humanDuration(durationMs)).toBe(want)
})
