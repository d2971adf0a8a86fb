import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AuditEventStore } from '../../control-plane/store/audit-event-store.ts'
import { openStore } from '../../control-plane/store/open-store.ts'
import type { PodBinding, PodBindingStore } from '../../control-plane/store/pod-binding-store.ts'
import { type Actor, withCoRequester } from '../../core/chain.ts'
import { withVisit } from '../../core/chain-visits.ts'
import { Fault } from '../../core/fault.ts'
import {
  createMemoryAuditEventStore,
  createMemoryPodBindingStore,
} from '../support/memory-stores.ts'
import {
  AGENT,
  aBinding,
  aChain,
  aDecision,
  aDecisionId,
  anEnrolledBinding,
  anOutcome,
  aRefusal,
  aUser,
  BUILD,
  NOON_MS,
  THIRD,
} from '../support/record-builders.ts'

/* What every store does, whichever it is: other tests take the one in memory for the one on disk. */

interface Stores {
  readonly bindings: PodBindingStore
  readonly auditEvents: AuditEventStore
  close(): Promise<void>
}

const kinds: readonly [string, () => Promise<Stores>][] = [
  [
    'in memory',
    async () => ({
      bindings: createMemoryPodBindingStore(),
      auditEvents: createMemoryAuditEventStore(),
      close: async () => undefined,
    }),
  ],
  [
    'SQLite',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'lanyard-contract-'))
      const store = await openStore(join(folder, 'lanyard.db'))
      return {
        bindings: store.bindings,
        auditEvents: store.auditEvents,
        async close() {
          await store.close()
          await rm(folder, { recursive: true })
        },
      }
    },
  ],
]

const ALL = { afterSequence: 0, limit: 100 }
const unended = ({ podUid, namespace, name }: Actor) => ({
  ...{ podUid, namespace, name },
  boundAtMs: NOON_MS,
})
const ids = ({ events }: { events: readonly { id: string }[] }) => events.map(({ id }) => id)

describe.each(kinds)('a store %s', (_name, open) => {
  let stores: Stores
  let events: AuditEventStore
  let bindings: PodBindingStore

  beforeEach(async () => {
    stores = await open()
    events = stores.auditEvents
    bindings = stores.bindings
    await bindings.record(aBinding([AGENT]))
    await bindings.record(aBinding([AGENT, BUILD]))
  })
  afterEach(() => stores.close())

  describe('of audit events', () => {
    beforeEach(async () => {
      await events.append(aDecision(1))
      await events.append(aRefusal(2))
      await events.append(aDecision(3))
    })

    test('gives back what was put in, numbered', async () => {
      expect(await events.get(aDecisionId(2))).toEqual({ ...aRefusal(2), sequence: 2, revision: 2 })
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
        revision: 4,
      })
    })

    test('lists changes in the order in which they came about', async () => {
      await events.complete(AGENT.podUid, aDecisionId(1), anOutcome(1))
      const page = await events.changes({}, { afterRevision: 1, limit: 100 })
      expect(ids(page)).toEqual([2, 3, 1].map(aDecisionId))
      expect(page.revision).toBe(4)
      const bounded = await events.changes({}, { afterRevision: 1, untilRevision: 3, limit: 100 })
      expect(ids(bounded)).toEqual([2, 3].map(aDecisionId))
    })

    test('says how far the whole log goes, whatever a page holds of it', async () => {
      await events.complete(AGENT.podUid, aDecisionId(1), anOutcome(1))
      const whole = { sequence: 3, revision: 4 }
      expect(await events.list({ namespace: 'other' }, ALL)).toEqual({ events: [], ...whole })
      const nothing = { afterRevision: 0, untilRevision: 1, limit: 100 }
      expect(await events.changes({}, nothing)).toEqual({ events: [], ...whole })
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
  })

  describe('of bindings', () => {
    test('keeps the first chain of a pod', async () => {
      const again = await bindings.record(aBinding([AGENT]))
      expect(again).toEqual(anEnrolledBinding([AGENT], 0))
      const other = aBinding([AGENT], { chain: aChain([AGENT], aUser('mallory')) })
      await expect(bindings.record(other)).rejects.toMatchObject({ code: 'binding_conflict' })
      expect(await bindings.find(AGENT.podUid)).toEqual(again)
    })

    test('knows no other pods', async () => {
      expect(await bindings.find(THIRD.podUid)).toBeUndefined()
    })

    test('lists no pod that was only admitted', async () => {
      expect(await bindings.list({}, ALL)).toEqual({ bindings: [], sequence: 0 })
    })

    test('numbers pods once, in the order in which they enrol', async () => {
      for (const pod of [BUILD, AGENT, BUILD]) await bindings.markEnrolled(pod.podUid, '')
      await bindings.markEnrolled('nobody', '')
      const { bindings: listed, sequence } = await bindings.list({}, ALL)
      expect(listed.map(({ podUid, sequence: own }) => [podUid, own])).toEqual([
        [BUILD.podUid, 1],
        [AGENT.podUid, 2],
      ])
      expect(sequence).toBe(2)
      expect(await bindings.find(BUILD.podUid)).toMatchObject({ sequence: 1 })
      const rest = await bindings.list({}, { ...ALL, afterSequence: 1 })
      expect(rest.bindings).toHaveLength(1)
    })

    test('lets a chain grow, and decisions keep the one of their time', async () => {
      await events.append(aDecision(1))
      for (const pod of [AGENT, BUILD]) await bindings.markEnrolled(pod.podUid, '')
      const chain = withCoRequester(aChain([AGENT]), aUser('bob'))
      const grown = await bindings.revise(AGENT.podUid, ({ visits }) => ({ chain, visits }))
      expect(grown).toMatchObject({ chain, growth: 1, sequence: 3, firstSequence: 1 })
      await events.append(aDecision(2, { chain, growth: 1 }))
      const { events: all } = await events.list({}, ALL)
      expect(all.map((event) => event.chain)).toEqual([aChain([AGENT]), chain])
    })

    test('moves a pod to the end for a new visitor, and for none that it knows', async () => {
      for (const pod of [AGENT, BUILD]) await bindings.markEnrolled(pod.podUid, '')
      const visit = { username: 'bob', kind: 'exec', atMs: 1, joined: false } as const
      const add = ({ chain, visits }: PodBinding) => ({ chain, visits: withVisit(visits, visit) })
      expect(await bindings.revise(AGENT.podUid, add)).toMatchObject({ growth: 0, sequence: 3 })
      const again = await bindings.revise(AGENT.podUid, add)
      expect(again).toMatchObject({ sequence: 3, visits: { visitors: [{ visits: 2 }] } })
      expect((await bindings.list({}, ALL)).sequence).toBe(3)
    })

    test('revises no pod that is not on record, none for nothing, and none when it throws', async () => {
      expect(await bindings.revise('nobody', (known) => known)).toBeUndefined()
      expect(await bindings.revise(AGENT.podUid, (known) => known)).toMatchObject({ growth: 0 })
      const refuse = () => {
        throw new Fault('permission_denied', 'no')
      }
      const refused = bindings.revise(AGENT.podUid, refuse)
      await expect(refused).rejects.toMatchObject({ code: 'permission_denied' })
      expect(await bindings.find(AGENT.podUid)).toEqual(anEnrolledBinding([AGENT], 0))
    })

    test('notes once when a pod ended, whether it had enrolled or not', async () => {
      for (const pod of [AGENT, BUILD]) await bindings.markEnrolled(pod.podUid, '')
      await bindings.record(aBinding([THIRD]))
      const uids = [AGENT, THIRD].map(({ podUid }) => podUid)
      expect(await bindings.markEnded([...uids, 'nobody'], 7)).toEqual(uids)
      expect(await bindings.markEnded(uids, 8)).toEqual([])
      expect(await bindings.markEnded([], 8)).toEqual([])
      expect(await bindings.find(AGENT.podUid)).toMatchObject({
        ...{ endedAtMs: 7, sequence: 3, firstSequence: 1 },
      })
      expect(await bindings.find(THIRD.podUid)).toMatchObject({ endedAtMs: 7, sequence: 0 })
      expect(await bindings.find(BUILD.podUid)).not.toHaveProperty('endedAtMs')
    })

    test('lists pods of which no end is on record, in pages, and counts those that enrolled', async () => {
      await bindings.record(aBinding([THIRD]))
      for (const pod of [AGENT, BUILD]) await bindings.markEnrolled(pod.podUid, '')
      expect(await bindings.countRunning()).toBe(2)
      await bindings.markEnded([BUILD.podUid], 7)
      const [first, ...none] = await bindings.listUnended({ afterPosition: 0, limit: 1 })
      expect(first).toEqual({ ...unended(AGENT), position: 1 })
      expect(none).toEqual([])
      const rest = await bindings.listUnended({ afterPosition: 1, limit: 9 })
      expect(rest).toEqual([{ ...unended(THIRD), position: 3 }])
      expect(await bindings.countRunning()).toBe(1)
    })

    test('leaves the newest pod of a name the newest when an older one is found to have ended', async () => {
      const again = { ...AGENT, podUid: THIRD.podUid }
      await bindings.record(aBinding([again]))
      for (const pod of [AGENT, again]) await bindings.markEnrolled(pod.podUid, '')
      await bindings.markEnded([AGENT.podUid], 7)
      const { bindings: listed } = await bindings.list({ pod: 'agent' }, ALL)
      expect(listed.map(({ podUid }) => podUid)).toEqual([AGENT.podUid, again.podUid])
    })

    test('tells of an enrolment', async () => {
      let commits = 0
      const stop = bindings.onCommit(() => {
        commits += 1
      })
      await bindings.markEnrolled(AGENT.podUid, '')
      stop()
      expect(commits).toBe(1)
    })

    test.each([
      [{}, ['agent', BUILD.name]],
      [{ namespace: 'team', pod: 'agent' }, ['agent']],
      [{ rootRequester: 'bob' }, []],
    ] as const)('filters by %j', async (filter, want) => {
      for (const pod of [AGENT, BUILD]) await bindings.markEnrolled(pod.podUid, '')
      const page = await bindings.list(filter, ALL)
      expect(page.bindings.map(({ chain }) => chain.actors.at(-1)?.name)).toEqual(want)
      expect(page.sequence).toBe(2)
    })
  })
})
