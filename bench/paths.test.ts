import { describe, expect, test } from 'vitest'
import { boreTheLoad } from './paths.ts'

const lasting = (...seconds: readonly number[]) =>
  seconds.map((second) => ({ durationUs: second * 1_000_000 }))

describe('boreTheLoad', () => {
  test.each([
    [lasting(4, 4.1), true],
    [lasting(4, 3.7), true],
    [lasting(4), false],
    [lasting(4, 4, 4), false],
    [lasting(4, 3.5), false],
    [lasting(4, 5.1), false],
    [[], false],
  ])('of two rounds of four seconds: %j: %s', (results, bore) => {
    expect(boreTheLoad(results, 2, 4)).toBe(bore)
  })
})
