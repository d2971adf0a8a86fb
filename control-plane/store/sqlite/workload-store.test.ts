import { afterEach, beforeEach, expect, test } from 'vitest'
import { withCoRequester } from '../../../core/chain.ts'
import { Fault } from '../../../core/fault.ts'
import { aChain, aUser } from '../../../test/support/record-builders.ts'
import { openStore, type Store } from '../open-store.ts'
import type { Workload } from '../workload-store.ts'

let store: Store

beforeEach(async () => {
  store = await openStore(':memory:')
})
afterEach(() => store.close())

function aWorkload(uid: string, parts: Partial<Workload> = {}): Workload {
  return {
    uid,
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    namespace: 'team',
    name: uid,
    chain: aChain([]),
    via: [{ kind: 'Deployment', name: 'web' }],
    controllerUid: 'web-uid',
    generation: 1,
    touches: [{ username: 'carol', atMs: 1, fields: ['replicas'] }],
    beganAtMs: 1,
    renewedAtMs: 2,
    ...parts,
  }
}

const save = (workload: Workload) => store.workloads.revise(workload.uid, () => workload)
const renamed = (known: Workload): Workload => ({ ...known, chain: aChain([], aUser('bob')) })

test('revise() writes what it is given back', async () => {
  expect(await save(aWorkload('a'))).toEqual(aWorkload('a'))
  expect(await store.workloads.find('a')).toEqual(aWorkload('a'))
  expect(await store.workloads.find('b')).toBeUndefined()
})

test('touchesOf() tells of the newest object of each name, and of no other', async () => {
  const touch = (username: string) => [{ username, atMs: 1, fields: ['replicas'] }]
  const web = { kind: 'Deployment', name: 'web' }
  await save(aWorkload('old', { ...web, touches: touch('bob') }))
  await save(aWorkload('new', { ...web, touches: touch('carol') }))
  await save(aWorkload('rs', { name: 'web-1', touches: [] }))
  await save(aWorkload('there', { ...web, namespace: 'other', touches: touch('dave') }))
  await save(aWorkload('sts', { kind: 'StatefulSet', name: 'web', touches: touch('erin') }))
  // Written again, an object of before is no newer.
  await save(aWorkload('old', { ...web, touches: [...touch('bob'), ...touch('bob')] }))
  const steps = [web, { kind: 'ReplicaSet', name: 'web-1' }, { kind: 'Job', name: 'none' }]
  await expect(store.workloads.touchesOf('team', steps)).resolves.toEqual([
    { ...web, username: 'carol', atMs: 1, fields: ['replicas'] },
  ])
  await expect(store.workloads.touchesOf('team', [])).resolves.toEqual([])
})

test('revise() gives each of many at the same time what the one before wrote', async () => {
  const add = (name: string) =>
    store.workloads.revise('a', (known = aWorkload('a')) => ({
      ...known,
      chain: withCoRequester(known.chain, aUser(name)),
    }))
  await Promise.all(['bob', 'carol', 'dave'].map(add))
  const names = (await store.workloads.find('a'))?.chain.coRequesters.map((one) => one.username)
  expect(names).toEqual(['bob', 'carol', 'dave'])
})

test('revise() throws what is thrown, writes nothing, and leaves others alone', async () => {
  await save(aWorkload('a'))
  const results = await Promise.allSettled([
    store.workloads.revise('a', () => {
      throw new Fault('permission_denied', 'no')
    }),
    store.workloads.revise('b', () => aWorkload('b')),
  ])
  expect(results).toMatchObject([
    { status: 'rejected', reason: { code: 'permission_denied' } },
    { status: 'fulfilled' },
  ])
  expect(await store.workloads.find('a')).toEqual(aWorkload('a'))
  expect(store.problem()).toBeUndefined()
})

test('reviseNamespace() reaches each workload of one namespace, however many', async () => {
  const uids = Array.from({ length: 450 }, (_, index) => `uid-${index}`)
  await Promise.all(uids.map((uid) => save(aWorkload(uid))))
  await save(aWorkload('elsewhere', { namespace: 'other' }))
  await store.workloads.reviseNamespace('team', renamed)
  const revised = await Promise.all(uids.map((uid) => store.workloads.find(uid)))
  expect(new Set(revised.map((one) => one?.chain.rootRequester.username))).toEqual(new Set(['bob']))
  expect(await store.workloads.find('elsewhere')).toMatchObject({ chain: aChain([]) })
  await store.workloads.reviseNamespace('nowhere', renamed)
})

test('namespaces() names each once', async () => {
  expect(await store.workloads.namespaces()).toEqual([])
  for (const uid of ['a', 'b']) await save(aWorkload(uid))
  await save(aWorkload('c', { namespace: 'other' }))
  expect([...(await store.workloads.namespaces())].sort()).toEqual(['other', 'team'])
})
