import { describe, expect, test } from 'vitest'
import { quantileBetween, readBuckets } from './histogram.ts'

const INF = Number.POSITIVE_INFINITY
const TEXT = `
# TYPE took histogram
took_bucket{name="a.lanyard",type="admit",le="0.1"} 3
took_bucket{name="b.lanyard",type="validating",le="0.1"} 1
took_bucket{name="a.lanyard",type="admit",le="+Inf"} 4
took_bucket{name="other",type="admit",le="0.1"} 9
took_sum{name="a.lanyard"} 7
`

test.each([
  [
    'lanyard',
    [
      [0.1, 4],
      [INF, 4],
    ],
  ],
  ['other', [[0.1, 9]]],
  ['nobody', []],
])('readBuckets() adds up the series of %s', (label, buckets) => {
  expect([...readBuckets(TEXT, 'took', label)]).toEqual(buckets)
})

describe('quantileBetween', () => {
  const after = new Map([
    [0.1, 50],
    [0.5, 100],
    [INF, 100],
  ])

  test.each([
    [0.25, 0.05],
    [0.5, 0.1],
    [0.75, 0.3],
    [1, 0.5],
  ])('finds the quantile %d', (quantile, seconds) => {
    expect(quantileBetween(new Map(), after, quantile)).toBeCloseTo(seconds)
  })

  test('counts what came between the readings only', () => {
    const before = new Map([
      [0.1, 50],
      [0.5, 50],
      [INF, 50],
    ])
    expect(quantileBetween(before, after, 0.5)).toBeCloseTo(0.3)
  })

  test('knows nothing beyond the last bound', () => {
    expect(
      quantileBetween(
        new Map(),
        new Map([
          [0.1, 1],
          [INF, 9],
        ]),
        0.9,
      ),
    ).toBe(0.1)
  })

  test.each([[after], [new Map<number, number>()]])('throws when nothing came', (same) => {
    expect(() => quantileBetween(same, same, 0.5)).toThrow('Nothing was observed')
  })
})
