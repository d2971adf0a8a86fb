import { expect, test } from 'vitest'
import { CompileProgress } from './compile-progress.ts'

test.each([
  ['nothing', 0, 1_000, '0 of 1000 packages'],
  ['too few to tell', 39, 10_000, '39 of 1000 packages'],
  // 40 packages in 20 s are half a second each: 960 are left, and the linker is worth 60.
  ['enough to tell', 40, 20_000, '40 of 1000 packages, about 8.5 min left'],
  ['half', 500, 100_000, '500 of 1000 packages, about 2 min left'],
  ['nearly all', 999, 100_000, '999 of 1000 packages, about 0.5 min left'],
  ['all', 1_000, 100_000, 'all 1000 packages begun, then linking'],
  ['more than were counted', 1_200, 100_000, 'all 1000 packages begun, then linking'],
])('CompileProgress says how far %s is', (_, begun, now, state) => {
  const progress = new CompileProgress(1_000, 0)
  progress.begin(begun)
  expect(progress.state(now)).toBe(state)
})

test('CompileProgress has nothing to wait for but the linker when nothing is to be compiled', () => {
  expect(new CompileProgress(0, 0).state(5_000)).toBe('linking')
})
