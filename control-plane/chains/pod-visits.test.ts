import { afterEach, beforeEach, expect, test } from 'vitest'
import { CHAIN_REQUESTERS_MAX } from '../../core/chain.ts'
import { NO_VISITS, type VisitKind } from '../../core/chain-visits.ts'
import { serviceAccountUser, type UserInfo } from '../../core/kubernetes/user-info.ts'
import { POD_UID_EXTRA } from '../../core/names.ts'
import { createLogger } from '../../platform/logger.ts'
import {
  AGENT,
  aBinding,
  aChain,
  anActor,
  aPodUid,
  aUser,
  BUILD,
} from '../../test/support/record-builders.ts'
import { openStore } from '../store/open-store.ts'
import type { PodBinding } from '../store/pod-binding-store.ts'
import type { Store } from '../store/store.ts'
import { createGrownBindings } from './grown-bindings.ts'
import { createPodVisits, type PodVisit } from './pod-visits.ts'

const bob = aUser('bob')
const OTHER = anActor(7, 'other')

let store: Store
let grown: PodBinding[]
let visitorsJoin: boolean

beforeEach(async () => {
  store = await openStore(':memory:')
  await store.bindings.record(aBinding([AGENT]))
  await store.bindings.record(aBinding([AGENT, BUILD]))
  const ofCarol = { chain: aChain([OTHER], aUser('carol')) }
  await store.bindings.record(aBinding([OTHER], ofCarol))
  grown = []
  visitorsJoin = false
})
afterEach(() => store.close())

function record(parts: Partial<PodVisit>): Promise<void> {
  const visits = createPodVisits({
    bindings: store.bindings,
    readPodUid: async (_namespace, name) => (name === 'agent' ? AGENT.podUid : undefined),
    visitorsJoin,
    onGrown: (binding) => void grown.push(binding),
    logger: createLogger({ name: 'x', level: 'error' }, { write: () => undefined }),
    now: () => 7,
  })
  return visits.record({
    ...{ user: bob, namespace: 'team', podName: 'agent', podUid: '' },
    ...{ kind: 'exec', dryRun: false, ...parts },
  })
}

const podToken = ({ podUid, serviceAccount }: typeof AGENT): UserInfo => ({
  ...serviceAccountUser('team', serviceAccount),
  extra: { [POD_UID_EXTRA]: [podUid] },
})

async function names(podUid: string): Promise<readonly string[]> {
  const binding = await store.bindings.find(podUid)
  return (binding?.chain.coRequesters ?? []).map(({ username }) => username)
}

test.each<[VisitKind, boolean, readonly string[]]>([
  ['exec', false, []],
  ['attach', false, []],
  ['portforward', false, []],
  ['exec', true, ['bob']],
  ['ephemeralcontainers', false, ['bob']],
  ['image', false, ['bob']],
])('record() of %s, where visitors join: %j', async (kind, join, coRequesters) => {
  visitorsJoin = join
  await record({ kind })
  expect(await names(AGENT.podUid)).toEqual(coRequesters)
  expect(grown.map(({ growth }) => growth)).toEqual(coRequesters.map(() => 1))
  const visitor = { username: 'bob', kinds: [kind], firstAtMs: 7, lastAtMs: 7, visits: 1 }
  expect((await store.bindings.find(AGENT.podUid))?.visits).toEqual({
    visitors: [{ ...visitor, joined: coRequesters.length > 0 }],
    omitted: 0,
  })
})

test('record() writes nothing for a dry run', async () => {
  await record({ kind: 'image', dryRun: true })
  expect(await store.bindings.find(AGENT.podUid)).toMatchObject({ growth: 0, visits: NO_VISITS })
  expect(grown).toEqual([])
})

test('record() believes the UID, not the name', async () => {
  await record({ kind: 'image', podName: 'agent', podUid: BUILD.podUid })
  expect([await names(AGENT.podUid), await names(BUILD.podUid)]).toEqual([[], ['bob']])
})

test.each([
  ['that is not there', { podName: 'nobody' }],
  ['that is not on record', { podUid: aPodUid(99), kind: 'image' as const }],
])('record() of a pod %s is no refusal', async (_name, parts) => {
  await expect(record(parts)).resolves.toBeUndefined()
})

test('record() by a pod of the chain: what it asks through its sidecar is on record already', async () => {
  visitorsJoin = true
  await record({ user: podToken(BUILD) })
  expect(await store.bindings.find(AGENT.podUid)).toMatchObject({ growth: 0, visits: NO_VISITS })
})

test('record() of code by a pod adds everyone behind it, but pods of both', async () => {
  await record({ user: podToken(BUILD), kind: 'ephemeralcontainers' })
  expect(await names(AGENT.podUid)).toEqual([`system:serviceaccount:team:${BUILD.serviceAccount}`])
  await record({ user: podToken(OTHER), kind: 'ephemeralcontainers' })
  expect((await names(AGENT.podUid)).slice(1)).toEqual([
    'carol',
    'system:serviceaccount:team:other',
  ])
})

test('record() of two who come at the same time loses none', async () => {
  const people = ['bob', 'dave', 'erin'].map((name) => aUser(name))
  await Promise.all(people.map((user) => record({ user, kind: 'image' })))
  expect([...(await names(AGENT.podUid))].sort()).toEqual(['bob', 'dave', 'erin'])
})

test('record() of code by more people than are judged closes the chain, and nobody is kept out', async () => {
  for (let number = 0; number <= CHAIN_REQUESTERS_MAX; number += 1)
    await record({ user: aUser(`person-${number}`), kind: 'image' })
  const { chain, visits } = (await store.bindings.find(AGENT.podUid)) ?? {}
  expect(chain?.closed).not.toBeUndefined()
  expect(visits?.visitors).toHaveLength(CHAIN_REQUESTERS_MAX + 1)
  expect(grown.at(-1)?.chain.closed).toBe(chain?.closed)
})

test('newest() is the binding that has grown most, whichever came last', () => {
  const bindings = createGrownBindings()
  const added = { visits: NO_VISITS, sequence: 1, firstSequence: 1 }
  const [held, once, twice] = [0, 1, 2].map((growth) => ({
    ...aBinding([AGENT]),
    ...added,
    growth,
  }))
  bindings.add(twice as PodBinding)
  bindings.add(once as PodBinding)
  expect(bindings.newest(held as PodBinding)).toBe(twice)
  const other = { ...(held as PodBinding), podUid: 'other' }
  expect(bindings.newest(other)).toBe(other)
})
