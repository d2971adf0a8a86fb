import { setImmediate as letOthersRun } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { withCoRequester } from '../../core/chain.ts'
import {
  AGENT,
  aBinding,
  aChain,
  aDecision,
  aDecisionId,
  anOutcome,
  aUser,
  NOON_MS,
} from '../support/record-builders.ts'
import { ALL, type OpenStores, type Stores } from './stores.ts'

const MANY = 200
const numbers = Array.from({ length: MANY }, (_, index) => index + 1)

/** What every store does for many who come at the same time. */
export function describeConcurrency(open: OpenStores): void {
  describe('for many at the same time', () => {
    let stores: Stores
    beforeEach(async () => {
      stores = await open()
      await stores.bindings.record(aBinding([AGENT]))
    })
    afterEach(() => stores.close())

    test('gives each decision a place of its own, and loses none', async () => {
      await Promise.all(numbers.map((number) => stores.auditEvents.append(aDecision(number))))
      const { events } = await stores.auditEvents.list({}, { ...ALL, limit: 2 * MANY })
      expect(new Set(events.map(({ id }) => id))).toEqual(new Set(numbers.map(aDecisionId)))
      const sequences = events.map(({ sequence }) => sequence)
      expect(new Set(sequences).size).toBe(MANY)
      expect(sequences).toEqual(sequences.toSorted((a, b) => a - b))
    })

    test('keeps one outcome of a decision, whoever reports how many', async () => {
      await stores.auditEvents.append(aDecision(1))
      const report = (httpStatus: number) =>
        stores.auditEvents.complete(AGENT.podUid, aDecisionId(1), anOutcome(1, { httpStatus }))
      await Promise.all(numbers.map((number) => report(200 + number)))
      const event = await stores.auditEvents.get(aDecisionId(1))
      expect(event).toMatchObject({ outcome: { httpStatus: 201 }, lastSequence: 2 })
    })

    test('shows a reader all up to the sequence that it is told', async () => {
      const writing = Promise.all(
        numbers.map((number) => stores.auditEvents.append(aDecision(number))),
      )
      const seen = new Set<string>()
      let after = 0
      while (seen.size < MANY) {
        const page = await stores.auditEvents.changes({}, { afterSequence: after, limit: 50 })
        for (const { id } of page.events) seen.add(id)
        after = page.events.at(-1)?.lastSequence ?? after
        await letOthersRun()
      }
      await writing
      expect(seen.size).toBe(MANY)
    })

    test('removes no decision twice, and none that a reader of the rest misses', async () => {
      for (const number of numbers) await stores.auditEvents.append(aDecision(number))
      const request = { decidedBeforeMs: Infinity, limit: 30, reason: 'size' } as const
      const removals = await Promise.all(
        [1, 2, 3, 4].map(() => stores.auditEvents.removeOldest({ ...request, nowMs: NOON_MS })),
      )
      const ranges = removals.map((one) => [one?.firstSequence, one?.lastSequence])
      expect(ranges).toEqual([
        [1, 30],
        [31, 60],
        [61, 90],
        [91, 120],
      ])
      const { events } = await stores.auditEvents.list({}, { ...ALL, limit: MANY })
      expect(events).toHaveLength(MANY - 120)
    })

    test('binds a pod once, and lets its chain grow by each who joins', async () => {
      await Promise.all(numbers.map(() => stores.bindings.record(aBinding([AGENT]))))
      const join = (username: string) =>
        stores.bindings.revise(AGENT.podUid, ({ chain, visits }) => ({
          ...{ chain: withCoRequester(chain, aUser(username)), visits },
        }))
      await Promise.all(['bob', 'carol', 'dave'].map(join))
      const binding = await stores.bindings.find(AGENT.podUid)
      expect(binding).toMatchObject({ growth: 3 })
      const names = binding?.chain.coRequesters.map(({ username }) => username)
      expect(names).toEqual(['bob', 'carol', 'dave'])
      expect(binding?.chain.rootRequester).toEqual(aChain([AGENT]).rootRequester)
    })
  })
}
