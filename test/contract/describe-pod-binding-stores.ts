import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AuditEventStore } from '../../control-plane/store/audit-event-store.ts'
import type { PodBinding, PodBindingStore } from '../../control-plane/store/pod-binding-store.ts'
import { type Actor, withCoRequester } from '../../core/chain.ts'
import { withVisit } from '../../core/chain-visits.ts'
import { Fault } from '../../core/fault.ts'
import {
  AGENT,
  aBinding,
  aChain,
  aDecision,
  anEnrolledBinding,
  aUser,
  BUILD,
  NOON_MS,
  THIRD,
} from '../support/record-builders.ts'
import { ALL, type OpenStores, type Stores } from './stores.ts'

const unended = ({ podUid, namespace, name }: Actor) => ({
  ...{ podUid, namespace, name },
  boundAtMs: NOON_MS,
})

/** What every store of bindings does. */
export function describePodBindingStores(open: OpenStores): void {
  describe('of bindings', () => {
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
      await events.append(aDecision(2, { chain }))
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
      expect(first).toEqual({ ...unended(AGENT), enrolled: true, position: 1 })
      expect(none).toEqual([])
      const rest = await bindings.listUnended({ afterPosition: 1, limit: 9 })
      expect(rest).toEqual([{ ...unended(THIRD), enrolled: false, position: 3 }])
      expect(await bindings.countRunning()).toBe(1)
    })

    test('forgets pods that ended before a time, the oldest first, and no other', async () => {
      await bindings.record(aBinding([THIRD]))
      await bindings.markEnded([THIRD.podUid], 6)
      await bindings.markEnded([AGENT.podUid], 7)
      expect(await bindings.forgetEnded(6, 9)).toBe(0)
      expect(await bindings.forgetEnded(8, 1)).toBe(1)
      expect(await bindings.find(THIRD.podUid)).toBeUndefined()
      expect(await bindings.find(AGENT.podUid)).toMatchObject({ endedAtMs: 7 })
      expect(await bindings.forgetEnded(Infinity, 9)).toBe(1)
      expect(await bindings.find(BUILD.podUid)).toMatchObject({ podUid: BUILD.podUid })
      // A pod of that UID that is bound again starts from nothing.
      expect(await bindings.record(aBinding([AGENT]))).not.toHaveProperty('endedAtMs')
    })

    test('leaves the newest pod of a name the newest when an older one is found to have ended', async () => {
      const again = { ...AGENT, podUid: THIRD.podUid }
      await bindings.record(aBinding([again]))
      for (const pod of [AGENT, again]) await bindings.markEnrolled(pod.podUid, '')
      await bindings.markEnded([AGENT.podUid], 7)
      const { bindings: listed } = await bindings.list({ pod: 'agent' }, ALL)
      expect(listed.map(({ podUid }) => podUid)).toEqual([AGENT.podUid, again.podUid])
    })

    test('newestOfName() is the pod that was admitted last under a name, stored or not', async () => {
      const again = { ...AGENT, podUid: THIRD.podUid }
      expect(await bindings.newestOfName('team', 'agent')).toBe(AGENT.podUid)
      await bindings.markEnrolled(AGENT.podUid, '')
      await bindings.record(aBinding([again]))
      expect(await bindings.newestOfName('team', 'agent')).toBe(again.podUid)
      await bindings.record(aBinding([AGENT]))
      expect(await bindings.newestOfName('team', 'agent')).toBe(again.podUid)
      await bindings.markEnded([again.podUid], 7)
      expect(await bindings.newestOfName('team', 'agent')).toBe(again.podUid)
    })

    test.each([
      ['other', 'agent'],
      ['team', 'other'],
      ['team', ''],
    ])('newestOfName() knows no pod %s/%s', async (namespace, name) => {
      expect(await bindings.newestOfName(namespace, name)).toBeUndefined()
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
}
