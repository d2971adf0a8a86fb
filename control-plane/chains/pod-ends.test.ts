import { beforeEach, describe, expect, test } from 'vitest'
import { Fault } from '../../core/fault.ts'
import { createLogger } from '../../platform/logger.ts'
import { createMemoryPodBindingStore } from '../../test/support/memory-stores.ts'
import {
  AGENT,
  aBinding,
  anEnrolledBinding,
  BUILD,
  NOON_MS,
  recordEnrolled,
  THIRD,
} from '../../test/support/record-builders.ts'
import { SESSION_MS_MAX } from '../sessions.ts'
import type { PodBindingStore } from '../store/pod-binding-store.ts'
import { ENROLLED_MS_MAX, PodEnds, STORED_MS_MAX } from './pod-ends.ts'

let store: PodBindingStore
let living: Set<string>
let synced: boolean
let told: string[]
let nowMs: number
let failures: number
let ends: PodEnds

beforeEach(async () => {
  store = createMemoryPodBindingStore()
  for (const pod of [AGENT, BUILD, THIRD]) await recordEnrolled(store, aBinding([pod]))
  living = new Set()
  synced = true
  told = []
  nowMs = NOON_MS + STORED_MS_MAX
  failures = 0
  ends = new PodEnds({
    bindings: {
      listUnended: (page) => store.listUnended(page),
      async markEnded(podUids, endedAtMs) {
        failures -= 1
        if (failures >= 0) throw new Fault('audit_unavailable', 'the disk is full')
        return store.markEnded(podUids, endedAtMs)
      },
    },
    living: () => ({ has: ({ podUid }) => living.has(podUid), isSynced: () => synced }),
    onEnded: (podUids) => void told.push(...podUids),
    logger: createLogger({ name: 'test', level: 'error' }, { write: () => undefined }),
    now: () => nowMs,
    retryMs: 1,
  })
})

const endedOnRecord = async () => {
  const { bindings } = await store.list({}, { afterSequence: 0, limit: 100 })
  return bindings.flatMap(({ podUid, endedAtMs }) => (endedAtMs === undefined ? [] : [podUid]))
}

describe('PodEnds.gone()', () => {
  test('counts immediately, puts it on record, and tells of pods on record alone', async () => {
    const held = anEnrolledBinding([AGENT], 1)
    ends.gone(AGENT.podUid)
    ends.gone('a pod of nobody')
    ends.gone('')
    expect(ends.endedAtMs(held)).toBe(nowMs)
    await ends.settled()
    expect(await endedOnRecord()).toEqual([AGENT.podUid])
    expect(told).toEqual([AGENT.podUid])
    expect(ends.count).toBe(1)
    expect(ends.endedAtMs(held)).toBe(nowMs)
    expect(ends.endedAtMs(anEnrolledBinding([BUILD], 1))).toBeUndefined()
  })

  test('told twice keeps the first time', async () => {
    ends.gone(AGENT.podUid)
    await ends.settled()
    nowMs += 1_000
    ends.gone(AGENT.podUid)
    await ends.settled()
    expect(await store.find(AGENT.podUid)).toMatchObject({ endedAtMs: nowMs - 1_000 })
    expect(told).toEqual([AGENT.podUid])
  })

  test('is tried again until it is on record, and holds meanwhile', async () => {
    failures = 3
    ends.gone(AGENT.podUid)
    await ends.settled()
    expect(await endedOnRecord()).toEqual([])
    expect(ends.endedAtMs(anEnrolledBinding([AGENT], 1))).toBe(nowMs)
    await expect.poll(endedOnRecord).toEqual([AGENT.podUid])
  })

  test('is remembered for longer than a session lasts, though the session does not know of it', async () => {
    const held = anEnrolledBinding([AGENT], 1)
    ends.gone(AGENT.podUid)
    await ends.settled()
    nowMs += SESSION_MS_MAX
    ends.gone(BUILD.podUid)
    await ends.settled()
    expect(ends.endedAtMs(held)).toBeDefined()
    nowMs += SESSION_MS_MAX
    ends.gone(THIRD.podUid)
    await ends.settled()
    expect(ends.endedAtMs(held)).toBeUndefined()
  })
})

describe('PodEnds.listed()', () => {
  test('ends what does not live, and leaves what does', async () => {
    living.add(BUILD.podUid)
    ends.listed(nowMs)
    await ends.settled()
    expect((await endedOnRecord()).sort()).toEqual([AGENT.podUid, THIRD.podUid])
    expect(told.sort()).toEqual([AGENT.podUid, THIRD.podUid])
  })

  test.each([
    ['has enrolled, and that may be younger than the list', ENROLLED_MS_MAX - 1, 'young', false],
    ['has enrolled before the list', ENROLLED_MS_MAX, 'young', true],
    ['was admitted and may not be stored yet', STORED_MS_MAX - 1, 'admitted', false],
    ['was admitted and never stored', STORED_MS_MAX, 'admitted', true],
  ])('of a pod that %s', async (_what, laterMs, podUid, ended) => {
    const pods = createMemoryPodBindingStore()
    await recordEnrolled(pods, aBinding([{ ...AGENT, podUid: 'young' }]))
    await pods.record(aBinding([{ ...BUILD, podUid: 'admitted' }]))
    store = pods
    ends.listed(NOON_MS + laterMs)
    await ends.settled()
    expect((await pods.find(podUid))?.endedAtMs !== undefined).toBe(ended)
  })

  test('ends nothing while the watch is behind', async () => {
    synced = false
    ends.listed(nowMs)
    await ends.settled()
    expect(await endedOnRecord()).toEqual([])
  })

  test('goes through more pods than one transaction takes', async () => {
    const pods = Array.from({ length: 450 }, (_, number) => ({ ...AGENT, podUid: `p${number}` }))
    for (const pod of pods) await store.record(aBinding([pod]))
    living = new Set(['p0', 'p449'])
    ends.listed(nowMs)
    await ends.settled()
    expect(ends.count).toBe(3 + 448)
    expect(await store.listUnended({ afterPosition: 0, limit: 9 })).toHaveLength(2)
  })
})

describe('PodEnds.phaseOf()', () => {
  test.each([
    ['before the first list', [], true, 'Unknown'],
    ['after it', [NOON_MS], true, 'Running'],
    ['while the watch is behind', [NOON_MS], false, 'Unknown'],
  ])('%s', async (_when, listed, inSync, phase) => {
    living.add(AGENT.podUid)
    for (const beganAtMs of listed) ends.listed(beganAtMs)
    await ends.settled()
    synced = inSync
    expect(ends.phaseOf(anEnrolledBinding([AGENT], 1))).toBe(phase)
    expect(ends.isKnown()).toBe(phase === 'Running')
  })

  test('is Ended by the record alone, whatever is known now', () => {
    synced = false
    expect(ends.phaseOf(anEnrolledBinding([AGENT], 1, { endedAtMs: 1 }))).toBe('Ended')
  })

  test('is not Ended for a pod that kube-apiserver lists as running', async () => {
    const concluded = anEnrolledBinding([AGENT], 1, { endedAtMs: 1 })
    living.add(AGENT.podUid)
    ends.listed(nowMs)
    await ends.settled()
    expect(ends.phaseOf(concluded)).toBe('Running')
    expect(ends.endedAtMs(concluded)).toBeUndefined()
  })
})
