import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CHAIN_REQUESTERS_MAX, type DelegationChain } from '../../core/chain.ts'
import { serviceAccountUser, type UserInfo } from '../../core/kubernetes/user-info.ts'
import { POD_UID_EXTRA } from '../../core/names.ts'
import { aPodUid, aUser } from '../../test/support/record-builders.ts'
import { openStore } from '../store/open-store.ts'
import type { Store } from '../store/store.ts'
import { type AdmissionContext, type ChainRegistry, createChainRegistry } from './chain-registry.ts'

/* Templates that a controller takes over from others, and chains that begin again. */

const alice = aUser('alice')
const bob = aUser('bob')
const admin = aUser('admin')
const apps = (kind: string, uid = `${kind}-uid`, generation = 1) => ({
  ...{ kind, apiVersion: 'apps/v1', uid, generation },
  name: kind.toLowerCase(),
})
const DEPLOYMENT = apps('Deployment')
const REPLICA_SET = apps('ReplicaSet')
const STATEFUL_SET = apps('StatefulSet')
const REVISION = apps('ControllerRevision')
let store: Store
let registry: ChainRegistry

beforeEach(async () => {
  store = await openStore(':memory:')
  registry = createChainRegistry({ ...store, now: () => 7 })
})
afterEach(() => store.close())

function by(user: UserInfo, parts: Partial<AdmissionContext> = {}): AdmissionContext {
  return { user, namespace: 'team', controller: undefined, dryRun: false, ...parts }
}
const controller = (name: string) => serviceAccountUser('kube-system', `${name}-controller`)
const everyone = ({ rootRequester, coRequesters }: DelegationChain) =>
  [rootRequester, ...coRequesters].map(({ username }) => username)
const onRecord = async (uid: string) => {
  const found = await store.workloads.find(uid)
  return found === undefined ? [] : everyone(found.chain)
}
/** A pod of a set, made by its controller. */
const podOf = (owner: typeof STATEFUL_SET, maker: string) =>
  registry.bindPod(by(controller(maker), { controller: owner }), {
    podUid: aPodUid(1),
    podName: 'pod',
    serviceAccount: 'agent',
  })

describe.each([
  ['Deployment', DEPLOYMENT, REPLICA_SET, 'deployment'],
  ['StatefulSet', STATEFUL_SET, REVISION, 'statefulset'],
  ['DaemonSet', apps('DaemonSet'), REVISION, 'daemon-set'],
] as const)('a %s has whoever wrote a template that it keeps', (_kind, keeper, template, maker) => {
  const own = by(controller(maker), { controller: keeper })

  beforeEach(async () => {
    await registry.recordCreated(by(alice), keeper)
  })

  test('when its controller adopts one', async () => {
    await registry.recordCreated(by(bob), template)
    await registry.recordAdopted(own, template)
    expect(await onRecord(keeper.uid)).toEqual(['alice', 'bob'])
  })

  test('when somebody makes one for it, or gives it one', async () => {
    await registry.recordCreated(by(bob, { controller: keeper }), template)
    const second = { ...template, uid: 'second' }
    await registry.recordCreated(by(aUser('carol')), second)
    await registry.recordChanged(by(aUser('dave'), { controller: keeper }), second)
    expect(await onRecord(keeper.uid)).toEqual(['alice', 'bob', 'carol', 'dave'])
  })

  test('when the owner is called by another kind', async () => {
    const forged = { ...keeper, kind: 'CloneSet', apiVersion: 'apps.kruise.io/v1alpha1' }
    await registry.recordCreated(by(bob, { controller: forged }), template)
    expect(await onRecord(keeper.uid)).toEqual(['alice', 'bob'])
  })

  test('when somebody changes one that it has', async () => {
    await registry.recordCreated(own, template)
    await registry.recordChanged(by(bob, { controller: keeper }), template)
    await registry.recordChanged(by(aUser('carol')), template)
    expect(await onRecord(keeper.uid)).toEqual(['alice', 'bob', 'carol'])
  })

  test('at whatever moment of the adoption it was changed', async () => {
    await registry.recordCreated(by(aUser('carol')), template)
    const editors = Array.from({ length: 8 }, (_, number) => aUser(`editor-${number}`))
    await Promise.all([
      ...editors.slice(0, 4).map((user) => registry.recordChanged(by(user), template)),
      registry.recordAdopted(own, template),
      ...editors.slice(4).map((user) => registry.recordChanged(by(user), template)),
    ])
    const names = ['alice', 'carol', ...editors.map(({ username }) => username)]
    expect([...(await onRecord(keeper.uid))].sort()).toEqual(names.sort())
  })

  test('and nobody more for one that its controller made', async () => {
    await registry.recordCreated(own, template)
    await registry.recordChanged(own, template)
    expect(await onRecord(keeper.uid)).toEqual(['alice'])
  })

  test('of before Lanyard: nobody, too', async () => {
    await registry.recordAdopted(own, template)
    expect(await onRecord(keeper.uid)).toEqual(['alice', 'lanyard:unattributed'])
  })

  test('but not of another namespace, in a dry run, or for another kind of keeper', async () => {
    const elsewhere = by(bob, { namespace: 'other', controller: keeper })
    await registry.recordCreated(elsewhere, { ...template, uid: 'elsewhere' })
    await registry.recordCreated(by(bob, { controller: keeper, dryRun: true }), template)
    const job = { kind: 'Job', apiVersion: 'batch/v1', uid: 'job', name: 'job', generation: 1 }
    await registry.recordCreated(by(alice), job)
    await registry.recordCreated(by(bob, { controller: job }), { ...template, uid: 'third' })
    expect(await onRecord(keeper.uid)).toEqual(['alice'])
    expect(await onRecord('job')).toEqual(['alice'])
  })

  test('although the keeper itself is older than Lanyard', async () => {
    const older = { ...keeper, uid: 'older' }
    await registry.recordCreated(by(bob, { controller: older }), template)
    expect(await onRecord('older')).toEqual(['lanyard:unattributed', 'bob'])
  })
})

test('a StatefulSet makes pods for whoever wrote a revision that it has adopted', async () => {
  await registry.recordCreated(by(alice), STATEFUL_SET)
  const bobs = { ...STATEFUL_SET, uid: 'bobs', name: 'bobs' }
  await registry.recordCreated(by(bob), bobs)
  await registry.recordCreated(by(controller('statefulset'), { controller: bobs }), REVISION)
  const adopts = by(controller('statefulset'), { controller: STATEFUL_SET })
  await registry.recordAdopted(adopts, REVISION)
  expect(everyone(await podOf(STATEFUL_SET, 'statefulset'))).toEqual(['alice', 'bob'])
})

test('a Deployment that is given an owner still has whoever wrote what its controller copies', async () => {
  await registry.recordCreated(by(alice), DEPLOYMENT)
  const owner = { ...DEPLOYMENT, uid: 'owner', name: 'owner' }
  await registry.recordCreated(by(bob), owner)
  await registry.recordChanged(by(bob, { controller: owner }), DEPLOYMENT)
  await registry.recordChanged(by(controller('deployment'), { controller: owner }), DEPLOYMENT)
  expect(await onRecord(DEPLOYMENT.uid)).toEqual(['alice', 'bob'])
})

describe('recordTouched()', () => {
  test('keeps who did it, the last eight, and adds nobody', async () => {
    await registry.recordCreated(by(alice), STATEFUL_SET)
    for (let number = 1; number <= 9; number += 1) {
      await registry.recordTouched(by(aUser(`user-${number}`)), STATEFUL_SET, ['replicas'])
    }
    const found = await store.workloads.find(STATEFUL_SET.uid)
    expect(found?.touches).toHaveLength(8)
    expect(found?.touches[0]).toEqual({ username: 'user-2', atMs: 7, fields: ['replicas'] })
    expect(await onRecord(STATEFUL_SET.uid)).toEqual(['alice'])
  })

  test('records nothing for a dry run', async () => {
    await registry.recordTouched(by(bob, { dryRun: true }), STATEFUL_SET, ['replicas'])
    expect(await store.workloads.find(STATEFUL_SET.uid)).toBeUndefined()
  })
})

describe('reset()', () => {
  async function closed(): Promise<void> {
    await registry.recordCreated(by(alice), STATEFUL_SET)
    for (let number = 0; number < CHAIN_REQUESTERS_MAX; number += 1) {
      await registry.recordChanged(by(aUser(`editor-${number}`)), {
        ...STATEFUL_SET,
        generation: 5,
      })
    }
  }

  test('begins again with whoever asks, and nobody else', async () => {
    await closed()
    expect((await podOf(STATEFUL_SET, 'statefulset')).closed).toBeDefined()
    await registry.reset(by(admin), { ...STATEFUL_SET, generation: 5 })
    const found = await store.workloads.find(STATEFUL_SET.uid)
    expect(found?.chain).toEqual({ rootRequester: admin, coRequesters: [], actors: [] })
  })

  test('leaves what runs as it is', async () => {
    await closed()
    const before = await podOf(STATEFUL_SET, 'statefulset')
    await registry.reset(by(admin), { ...STATEFUL_SET, generation: 5 })
    expect((await store.bindings.find(aPodUid(1)))?.chain).toEqual(before)
  })

  test('takes an object from before Lanyard', async () => {
    await registry.reset(by(admin), STATEFUL_SET)
    expect(everyone(await podOf(STATEFUL_SET, 'statefulset'))).toEqual(['admin'])
  })

  const inPod = { ...admin, extra: { [POD_UID_EXTRA]: [aPodUid(3)] } }
  test.each([
    [
      'code that was changed since',
      by(admin),
      { ...STATEFUL_SET, generation: 4 },
      'binding_conflict',
    ],
    ['another name', by(admin), { ...STATEFUL_SET, name: 'x', generation: 5 }, 'request_invalid'],
    ['another kind', by(admin), { ...STATEFUL_SET, kind: 'Job', generation: 5 }, 'request_invalid'],
    [
      'another namespace',
      by(admin, { namespace: 'x' }),
      { ...STATEFUL_SET, generation: 5 },
      'request_invalid',
    ],
    ['a pod that asks', by(inPod), { ...STATEFUL_SET, generation: 5 }, 'permission_denied'],
    [
      'a controller that asks',
      by(controller('job')),
      { ...STATEFUL_SET, generation: 5 },
      'permission_denied',
    ],
  ])('refuses %s', async (_name, context, workload, code) => {
    await closed()
    await expect(registry.reset(context, workload)).rejects.toMatchObject({ code })
    expect((await store.workloads.find(STATEFUL_SET.uid))?.chain.closed).toBeDefined()
  })

  test('records nothing for a dry run', async () => {
    await closed()
    await registry.reset(by(admin, { dryRun: true }), { ...STATEFUL_SET, generation: 5 })
    expect((await store.workloads.find(STATEFUL_SET.uid))?.chain.closed).toBeDefined()
  })
})
