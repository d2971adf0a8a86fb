import { describe, expect, test } from 'vitest'
import {
  describeNoise,
  isCalm,
  parseMachineTicks,
  readMachineTicks,
  sharesBetween,
  spread,
  toNoise,
} from './noise.ts'

describe('parseMachineTicks', () => {
  test('reads the line of all processors; guests are in user time already', () => {
    const text = 'cpu  10 1 5 80 2 0 1 1 7 7\ncpu0 1 1 1 1 1 1 1 1 1 1\n'
    expect(parseMachineTicks(text)).toEqual({ total: 100, stolen: 1, idle: 82 })
  })

  test.each(['', 'cpu  a b', 'intr 5'])('throws for %j', (text) => {
    expect(() => parseMachineTicks(text)).toThrow('/proc/stat')
  })
})

test('readMachineTicks() reads this machine', async () => {
  expect((await readMachineTicks()).total).toBeGreaterThan(0)
})

test.each([
  [
    { total: 200, stolen: 11, idle: 82 },
    { stolen: 0.1, idle: 0 },
  ],
  [
    { total: 100, stolen: 1, idle: 82 },
    { stolen: 0, idle: 0 },
  ],
])('sharesBetween() tells the share of the time between: %j', (after, shares) => {
  expect(sharesBetween({ total: 100, stolen: 1, idle: 82 }, after)).toEqual(shares)
})

test.each([
  [[2, 2, 2], 0],
  [[1, 2, 4], 1.5],
  [[7], 0],
])('spread(%j) is %d', (values, width) => expect(spread(values)).toBe(width))

describe('toNoise', () => {
  test('names the path whose rounds differ most', () => {
    expect(toNoise({ a: [1, 1], b: [1, 3], c: [] }, [0.01, 0.2])).toEqual({
      ...{ stolen: 0.2, spread: 1, widest: 'b' },
    })
  })

  test('finds none in nothing', () => {
    expect(toNoise({}, [])).toEqual({ stolen: 0, spread: 0, widest: '' })
  })
})

test.each([
  [0, 0, true],
  [0.05, 0.5, true],
  [0.06, 0, false],
  [0, 0.51, false],
])('isCalm: stolen %d, spread %d: %s', (stolen, width, calm) => {
  expect(isCalm({ stolen, spread: width, widest: 'a' })).toBe(calm)
})

test('describeNoise() says what was too much, and where', () => {
  expect(describeNoise({ stolen: 0.07, spread: 0.61, widest: 'envoy' })).toBe(
    'the host took up to 7 % of the CPU; rounds differ by up to 61 % of their median (envoy)',
  )
})
