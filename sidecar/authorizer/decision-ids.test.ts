import { expect, test } from 'vitest'
import {
  decisionIdTimeMs,
  IDS_PER_MS,
  isDecisionId,
  isInLane,
} from '../../core/audit/decision-id.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { DecisionIds } from './decision-ids.ts'

const NOW_MS = 1_795_000_000_000

function ids(own: number) {
  const clock = new ManualClock(5_000)
  const made = new DecisionIds({
    ...{ lane: '0123456789', controlPlaneMs: NOW_MS, clock },
    random: () => own,
  })
  return { clock, made }
}

test('next() makes ids in the lane, by the clock of the control plane', async () => {
  const { clock, made } = ids(7)
  const first = made.next()
  await clock.advance(1_500)
  const second = made.next()
  expect([first, second].map(decisionIdTimeMs)).toEqual([NOW_MS, NOW_MS + 1_500])
  expect([first, second].every((id) => isDecisionId(id) && isInLane(id, '0123456789'))).toBe(true)
})

test.each([0, 7, IDS_PER_MS - 3, IDS_PER_MS - 1])(
  'next() makes each id another and higher, from number %i of its millisecond on',
  (own) => {
    const { made } = ids(own)
    const several = Array.from({ length: 5 }, () => made.next())
    expect(several.toSorted()).toEqual(several)
    expect(new Set(several).size).toBe(5)
  },
)
