import { describe, expect, test } from 'vitest'
import { SweepPace } from './sweep-pace.ts'

describe('SweepPace.next()', () => {
  test.each([
    ['few at its start', [[900_000, 5]], [3]],
    [
      'few beside little traffic',
      [
        [1, 0],
        [2, 10],
        [4, 20],
      ],
      [3, 3, 3],
    ],
    [
      'as many as were recorded meanwhile',
      [
        [1, 0],
        [31, 10],
        [51, 20],
      ],
      [3, 30, 20],
    ],
    [
      'never more than one transaction bears',
      [
        [1, 0],
        [5_001, 10],
      ],
      [3, 100],
    ],
    [
      'few until a second has been quiet',
      [
        [1, 0],
        [1, 999],
        [1, 1_000],
        [1, 1_010],
      ],
      [3, 3, 100, 100],
    ],
    [
      'few again when somebody comes',
      [
        [1, 0],
        [1, 1_000],
        [2, 1_010],
        [2, 1_020],
      ],
      [3, 100, 3, 3],
    ],
  ])('sweeps %s', (_what, seen, swept) => {
    const pace = new SweepPace()
    expect(seen.map(([newest = 0, nowMs = 0]) => pace.next(newest, nowMs))).toEqual(swept)
  })
})

describe('SweepPace.removal()', () => {
  test.each([
    ['a few before anything was swept', [], 25],
    [
      'a few beside little traffic',
      [
        [1, 0],
        [4, 10],
      ],
      25,
    ],
    [
      'as many as are swept beside much',
      [
        [1, 0],
        [61, 10],
      ],
      60,
    ],
    [
      'as many as are swept when nobody waits',
      [
        [1, 0],
        [1, 1_000],
      ],
      100,
    ],
  ])('speaks of %s', (_what, seen, removed) => {
    const pace = new SweepPace()
    for (const [newest = 0, nowMs = 0] of seen) pace.next(newest, nowMs)
    expect(pace.removal()).toBe(removed)
  })
})
