import { expect, test } from 'vitest'
import { aDecisionId, NOON_MS } from '../../test/support/record-builders.ts'
import { earliestTimeMs, latestTimeMs, parseDecisionId } from './decision-id.ts'

test('parseDecisionId() takes whole ids and beginnings, in either case', () => {
  expect(parseDecisionId(aDecisionId(1))).toEqual({
    name: aDecisionId(1).toLowerCase(),
    whole: true,
  })
  expect(parseDecisionId('01m83xj')).toEqual({ name: '01m83xj', whole: false })
})

test.each(['', '01m83x', '01m83xj9780000000000000001x', '01m83xj!', 'cluster', '../../x'])(
  'parseDecisionId() refuses %j',
  (text) => {
    expect(() => parseDecisionId(text)).toThrow(/not the id of a decision|too short/)
  },
)

test('earliestTimeMs() is the time of the id, or the earliest of its beginning', () => {
  expect(earliestTimeMs(aDecisionId(7))).toBe(NOON_MS + 7_000)
  const earliest = earliestTimeMs(aDecisionId(7).slice(0, 7))
  expect(earliest).toBeLessThanOrEqual(NOON_MS + 7_000)
  expect(earliest).toBeGreaterThan(NOON_MS + 7_000 - 2 ** 15)
})

test('latestTimeMs() is the time of the id, or the latest of its beginning', () => {
  expect(latestTimeMs(aDecisionId(7))).toBe(NOON_MS + 7_000)
  const beginning = aDecisionId(7).slice(0, 7)
  expect(latestTimeMs(beginning) - earliestTimeMs(beginning)).toBe(2 ** 15 - 1)
})
