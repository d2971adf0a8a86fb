import { expect, test } from 'vitest'
import { decisionIdIn, isLane } from '../../core/audit/decision-id.ts'
import { AGENT, BUILD, NOON_MS } from '../../test/support/record-builders.ts'
import { checkSentAs, laneOf } from './sent-ahead.ts'

const POD = { podUid: AGENT.podUid, boundAtMs: NOON_MS - 3_600_000 }
const LANE = laneOf(AGENT.podUid)

test('laneOf() is a lane, always the same for one pod and another for each', () => {
  expect(isLane(LANE)).toBe(true)
  expect(laneOf(AGENT.podUid)).toBe(LANE)
  expect(laneOf(BUILD.podUid)).not.toBe(LANE)
  expect(isLane(laneOf(''))).toBe(true)
})

test.each([
  ['made now', NOON_MS, false],
  ['ten seconds old', NOON_MS - 10_000, false],
  ['ten seconds ahead', NOON_MS + 10_000, false],
  ['as old as the pod, told late', NOON_MS - 3_600_000, true],
])('checkSentAs() takes an id that is %s', (_name, atMs, late) => {
  expect(() => checkSentAs(decisionIdIn(LANE, atMs, 0), POD, NOON_MS, late)).not.toThrow()
})

test.each([
  ['no ULID', 'x', false, 'no ULID'],
  ['in lower case', decisionIdIn(LANE, NOON_MS, 0).toLowerCase(), false, 'no ULID'],
  ["in another pod's lane", decisionIdIn(laneOf(BUILD.podUid), NOON_MS, 0), false, 'lane'],
  ["in another pod's lane, late", decisionIdIn(laneOf(BUILD.podUid), NOON_MS, 0), true, 'lane'],
  ['too old', decisionIdIn(LANE, NOON_MS - 10_001, 0), false, '10001 ms off'],
  ['of the future', decisionIdIn(LANE, NOON_MS + 10_001, 0), false, '10001 ms off'],
  ['of the future, late', decisionIdIn(LANE, NOON_MS + 10_001, 0), true, '10001 ms off'],
  ['older than the pod', decisionIdIn(LANE, POD.boundAtMs - 10_001, 0), true, '3610001 ms off'],
])('checkSentAs() refuses an id that is %s', (_name, id, late, why) => {
  expect(() => checkSentAs(id, POD, NOON_MS, late)).toThrow(
    expect.objectContaining({
      code: 'decision_unavailable',
      message: expect.stringContaining(why),
    }),
  )
})
