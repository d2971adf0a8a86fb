import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AuditEventStore } from '../../control-plane/store/audit-event-store.ts'
import { decisionBytes, outcomeBytes } from '../../control-plane/store/record-bytes.ts'
import { aRequest } from '../support/policy-builders.ts'
import {
  AGENT,
  aDecision,
  aDecisionId,
  anOutcome,
  aRefusal,
  aUser,
  BUILD,
  NOON_MS,
} from '../support/record-builders.ts'
import { ALL, type OpenStores, type Stores } from './stores.ts'

const ids = ({ events }: { events: readonly { id: string }[] }) => events.map(({ id }) => id)

/** What every log of decisions does. */
export function describeAuditEventStores(open: OpenStores): void {
  describe('of audit events', () => {
    let stores: Stores
    let events: AuditEventStore
    beforeEach(async () => {
      stores = await open()
      events = stores.auditEvents
      await events.append(aDecision(1))
      await events.append(aRefusal(2))
      await events.append(aDecision(3))
    })
    afterEach(() => stores.close())

    test('gives back what was put in, numbered', async () => {
      expect(await events.get(aDecisionId(2))).toEqual({
        ...aRefusal(2),
        sequence: 2,
        lastSequence: 2,
      })
      expect(await events.get(aDecisionId(9))).toBeUndefined()
    })

    test('lists the oldest first, in pages', async () => {
      expect(ids(await events.list({}, { ...ALL, limit: 2 }))).toEqual([1, 2].map(aDecisionId))
      expect(ids(await events.list({}, { ...ALL, afterSequence: 2 }))).toEqual([aDecisionId(3)])
      expect(ids(await events.list({}, { ...ALL, untilSequence: 1 }))).toEqual([aDecisionId(1)])
    })

    test.each([
      [{ namespace: 'team' }, [1, 2, 3]],
      [{ namespace: 'other' }, []],
      [{ pod: 'agent' }, [1, 3]],
      [{ rootRequester: 'alice', effect: 'deny' }, [2]],
      [{ effect: 'allow' }, [1, 3]],
      [{ verb: 'get', resource: 'secrets' }, [2]],
      [{ verb: 'delete' }, []],
    ] as const)('filters by %j', async (filter, want) => {
      expect(ids(await events.list(filter, ALL))).toEqual(want.map(aDecisionId))
    })

    test('notes the first outcome and no later one, and nothing of another pod', async () => {
      await events.complete(BUILD.podUid, aDecisionId(1), anOutcome(1, { httpStatus: 500 }))
      await events.complete(AGENT.podUid, aDecisionId(1), anOutcome(1))
      await events.complete(AGENT.podUid, aDecisionId(1), anOutcome(1, { httpStatus: 500 }))
      await events.complete(AGENT.podUid, aDecisionId(77), anOutcome(77))
      expect(await events.get(aDecisionId(1))).toMatchObject({
        outcome: anOutcome(1),
        sequence: 1,
        lastSequence: 4,
      })
    })

    test('lists changes in the order in which they came about', async () => {
      await events.complete(AGENT.podUid, aDecisionId(1), anOutcome(1))
      const page = await events.changes({}, { afterSequence: 1, limit: 100 })
      expect(ids(page)).toEqual([2, 3, 1].map(aDecisionId))
      expect(page.sequence).toBe(4)
      const bounded = await events.changes({}, { ...ALL, afterSequence: 1, untilSequence: 3 })
      expect(ids(bounded)).toEqual([2, 3].map(aDecisionId))
      const filtered = await events.changes({ effect: 'allow' }, { ...ALL, limit: 1 })
      expect(ids(filtered)).toEqual([aDecisionId(3)])
    })

    test('says how far the whole log goes, whatever a page holds of it', async () => {
      await events.complete(AGENT.podUid, aDecisionId(1), anOutcome(1))
      const whole = { sequence: 4, removedUntil: 0 }
      expect(await events.list({ namespace: 'other' }, ALL)).toEqual({ events: [], ...whole })
      const nothing = { afterSequence: 0, untilSequence: 1, limit: 100 }
      expect(await events.changes({}, nothing)).toEqual({ events: [], ...whole })
    })

    test('counts refusals in records of their own, and keeps each sample once', async () => {
      const summary = { count: 1, lastAtMs: NOON_MS, samples: ['get /a'] }
      await events.append(aRefusal(4, { summary }))
      const later = [
        { count: 7, lastAtMs: NOON_MS + 1, samples: ['get /b'] },
        { count: 9, lastAtMs: NOON_MS + 2, samples: ['get /b', 'get /c'] },
      ]
      for (const one of later) await events.sum(BUILD.podUid, aDecisionId(4), one)
      await events.sum(AGENT.podUid, aDecisionId(4), { ...summary, count: 99 })
      expect(await events.get(aDecisionId(4))).toMatchObject({
        summary: { count: 9, lastAtMs: NOON_MS + 2, samples: ['get /a', 'get /b', 'get /c'] },
        ...{ sequence: 4, lastSequence: 6 },
      })
    })

    test('gives every field back as it was', async () => {
      const exec = { command: ['sh', '-c', 'a\u0000b'], stdin: true, stdout: true, stderr: false }
      const shortened = { count: 3, sha256: 'ab'.repeat(32) }
      const event = aDecision(4, {
        attributes: aRequest({
          ...{ verb: 'create', alsoVerbs: ['get', 'patch'], subresource: 'exec' },
          exec: { ...exec, tty: true, container: 'c', env: ['A=b'], commandShortened: shortened },
          portForward: { ports: [80, 65_535] },
        }),
        effect: 'hold',
        reason: 'approval_required',
        refusedBy: 'alice',
        rule: 'policy/rule',
        matches: [
          {
            ...{ principal: 'alice', role: 'root requester' },
            rules: [{ name: 'policy/rule', effect: 'RequireApproval' }],
          },
        ],
        obligations: { mask: ['secrets'], record: 'all' as const, commands: [['rm', '*'], ['']] },
        observed: true,
        impersonatedUser: { ...aUser('bob'), uid: 'u', extra: { z: ['1'], a: [], '10': ['x'] } },
        cluster: { id: 'uid', name: 'west' },
        summary: { count: 2, lastAtMs: NOON_MS, samples: ['get /'] },
        message: 'bell \u0007 \ud83d\udd14',
      })
      await events.append(event)
      expect(await events.get(aDecisionId(4))).toEqual({ ...event, sequence: 4, lastSequence: 4 })
    })

    test('tells of a commit until it is told to stop', async () => {
      let commits = 0
      const stop = events.onCommit(() => {
        commits += 1
      })
      await events.append(aDecision(4))
      expect(commits).toBe(1)
      stop()
      await events.append(aDecision(5))
      expect(commits).toBe(1)
    })

    describe('removes', () => {
      const request = { limit: 100, reason: 'age', nowMs: NOON_MS + 99_000 } as const
      beforeEach(async () => {
        await events.complete(AGENT.podUid, aDecisionId(1), anOutcome(1))
      })

      test('the oldest, with what was recorded about them, and says what went', async () => {
        const removal = await events.removeOldest({ ...request, decidedBeforeMs: NOON_MS + 3_000 })
        expect(removal).toMatchObject({
          ...{ reason: 'age', removedAtMs: NOON_MS + 99_000, decisions: 2, records: 3 },
          ...{ firstSequence: 1, lastSequence: 2, firstId: aDecisionId(1) },
          ...{ firstDecidedAtMs: NOON_MS + 1_000, lastDecidedAtMs: NOON_MS + 2_000 },
          lastId: aDecisionId(2),
        })
        const page = await events.list({}, ALL)
        expect(ids(page)).toEqual([aDecisionId(3)])
        expect(page).toMatchObject({ sequence: 5, removedUntil: 2 })
        expect(await events.removals(9)).toEqual([removal])
        expect(ids(await events.changes({}, ALL))).toEqual([aDecisionId(3)])
      })

      test('what nobody finds any more, swept or not', async () => {
        await events.removeOldest({ ...request, decidedBeforeMs: NOON_MS + 3_000 })
        const look = async () => [
          await events.get(aDecisionId(1)),
          ids(await events.list({}, ALL)),
          ids(await events.changes({}, ALL)),
          ids(await events.list({ effect: 'allow' }, ALL)),
        ]
        const before = await look()
        expect(before).toEqual([undefined, ...Array(3).fill([aDecisionId(3)])])
        while ((await events.sweep(1)) > 0);
        expect(await look()).toEqual(before)
        expect(await events.sweep(1)).toBe(0)
      })

      test('by a digest of the bytes, in the order of their sequences', async () => {
        const removal = await events.removeOldest({ ...request, decidedBeforeMs: Infinity })
        const parts = [
          ...[aDecision(1), aRefusal(2), aDecision(3)].map(decisionBytes),
          outcomeBytes(aDecisionId(1), anOutcome(1)),
        ]
        const digest = createHash('sha256').update(Buffer.concat(parts)).digest('hex')
        expect(removal?.sha256).toBe(digest)
      })

      test('no more than may go together, and goes on after it', async () => {
        const all = { ...request, decidedBeforeMs: Infinity }
        expect(await events.removeOldest({ ...all, limit: 2 })).toMatchObject({ lastSequence: 2 })
        await events.append(aDecision(4))
        expect(await events.removeOldest({ ...all, limit: 2, reason: 'size' })).toMatchObject({
          ...{ firstSequence: 3, decisions: 2, reason: 'size' },
        })
        const newestFirst = await events.removals(1)
        expect(newestFirst).toMatchObject([{ firstSequence: 3 }])
        expect(await events.list({}, ALL)).toMatchObject({ events: [], removedUntil: 6 })
      })

      test('nothing that is too young, and then records nothing', async () => {
        const none = { ...request, decidedBeforeMs: NOON_MS + 1_000 }
        expect(await events.removeOldest(none)).toBeUndefined()
        expect(await events.removals(9)).toEqual([])
        expect(ids(await events.list({}, ALL))).toEqual([1, 2, 3].map(aDecisionId))
      })

      test('a decision for good: what comes of it later is not recorded', async () => {
        await events.removeOldest({ ...request, decidedBeforeMs: Infinity })
        await events.complete(AGENT.podUid, aDecisionId(3), anOutcome(3))
        expect(await events.get(aDecisionId(3))).toBeUndefined()
        expect(await events.list({}, ALL)).toMatchObject({ events: [], sequence: 5 })
      })
    })
  })
}
