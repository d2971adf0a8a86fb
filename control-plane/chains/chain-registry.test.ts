import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CHAIN_ACTORS_MAX, CHAIN_REQUESTERS_MAX, type DelegationChain } from '../../core/chain.ts'
import { serviceAccountUser, type UserInfo } from '../../core/kubernetes/user-info.ts'
import { POD_UID_EXTRA } from '../../core/names.ts'
import { aPodUid, aUser } from '../../test/support/record-builders.ts'
import { openStore } from '../store/open-store.ts'
import type { Store } from '../store/store.ts'
import { type AdmissionContext, type ChainRegistry, createChainRegistry } from './chain-registry.ts'
import type { ControllerReference } from './controllers.ts'

const alice = aUser('alice')
const bob = aUser('bob')
let store: Store
let registry: ChainRegistry

beforeEach(async () => {
  store = await openStore(':memory:')
  registry = createChainRegistry({ ...store, now: () => 0 })
})
afterEach(() => store.close())

function by(user: UserInfo, parts: Partial<AdmissionContext> = {}): AdmissionContext {
  return { user, namespace: 'team', controller: undefined, dryRun: false, ...parts }
}

function aPod(number: number, serviceAccount = 'agent') {
  return { podUid: aPodUid(number), podName: `pod-${number}`, serviceAccount }
}

/** The user of a token that kubelet projected into a pod. */
function podToken(number: number, serviceAccount = 'agent', namespace = 'team'): UserInfo {
  const user = serviceAccountUser(namespace, serviceAccount)
  return { ...user, extra: { [POD_UID_EXTRA]: [aPodUid(number)] } }
}

/** A built-in controller, as it is at admission with a service account of its own. */
const controller = (name: string) => serviceAccountUser('kube-system', `${name}-controller`)

function anObject(kind: string, apiVersion: string, uid: string, name = kind.toLowerCase()) {
  return { kind, apiVersion, uid, name, generation: 1 }
}

const JOB = anObject('Job', 'batch/v1', 'job-uid')
const shape = ({ rootRequester, coRequesters, actors }: DelegationChain) => ({
  root: rootRequester.username,
  also: coRequesters.map(({ username }) => username),
  actors: actors.map(({ name, via }) => [...via.map(({ kind }) => kind), name].join('>')),
})

describe('bindPod()', () => {
  test('begins a chain for a person, without what belongs to one credential', async () => {
    const extra = {
      'authentication.kubernetes.io/credential-id': ['X509SHA256=1'],
      'example.com/team': ['blue'],
    }
    const chain = await registry.bindPod(by({ ...alice, extra }), aPod(1))
    expect(shape(chain)).toEqual({ root: 'alice', also: [], actors: ['pod-1'] })
    expect(chain.rootRequester.extra).toEqual({ 'example.com/team': ['blue'] })
    expect((await store.bindings.find(aPodUid(1)))?.chain).toEqual(chain)
  })

  test('goes on with the chain of the pod that a token is bound to', async () => {
    await registry.bindPod(by(alice), aPod(1))
    await registry.bindPod(by(podToken(1)), aPod(2, 'builder'))
    const third = await registry.bindPod(by(podToken(2, 'builder')), aPod(3))
    expect(shape(third)).toEqual({ root: 'alice', also: [], actors: ['pod-1', 'pod-2', 'pod-3'] })
  })

  test.each([
    ['a pod that is not on record', podToken(9)],
    ['a pod of another service account', podToken(1, 'builder')],
    ['a pod of another namespace', podToken(1, 'agent', 'other')],
    [
      'two pods in one token',
      { ...podToken(1), extra: { [POD_UID_EXTRA]: [aPodUid(1), aPodUid(2)] } },
    ],
    ['a pod, by a user who is no service account', { ...alice, extra: podToken(1).extra }],
  ])('does not go on with the chain of %s', async (_name, user) => {
    await registry.bindPod(by(alice), aPod(1))
    const chain = await registry.bindPod(by(user), aPod(2))
    expect(shape(chain)).toEqual({ root: user.username, also: [], actors: ['pod-2'] })
  })

  test('binds once: the same again does nothing, another chain is a conflict', async () => {
    const first = await registry.bindPod(by(alice), aPod(1))
    expect(await registry.bindPod(by(alice), aPod(1))).toEqual(first)
    await expect(registry.bindPod(by(bob), aPod(1))).rejects.toMatchObject({
      code: 'binding_conflict',
    })
    expect((await store.bindings.find(aPodUid(1)))?.chain).toEqual(first)
  })

  test('records nothing for a dry run', async () => {
    const chain = await registry.bindPod(by(alice, { dryRun: true }), aPod(1))
    expect(shape(chain).root).toBe('alice')
    expect(await store.bindings.find(aPodUid(1))).toBeUndefined()
  })

  test('refuses a chain that grows without end', async () => {
    await registry.bindPod(by(alice), aPod(1))
    for (let number = 2; number <= CHAIN_ACTORS_MAX; number += 1) {
      await registry.bindPod(by(podToken(number - 1)), aPod(number))
    }
    const last = registry.bindPod(by(podToken(CHAIN_ACTORS_MAX)), aPod(CHAIN_ACTORS_MAX + 1))
    await expect(last).rejects.toMatchObject({ code: 'permission_denied' })
  })
})

interface Owned {
  readonly kind: string
  readonly apiVersion: string
  /** Who makes objects for it. */
  readonly maker: string
}

const OWNERS: readonly Owned[] = [
  { kind: 'ReplicaSet', apiVersion: 'apps/v1', maker: 'replicaset' },
  { kind: 'StatefulSet', apiVersion: 'apps/v1', maker: 'statefulset' },
  { kind: 'DaemonSet', apiVersion: 'apps/v1', maker: 'daemon-set' },
  { kind: 'Job', apiVersion: 'batch/v1', maker: 'job' },
  { kind: 'ReplicationController', apiVersion: 'v1', maker: 'replication' },
]

describe('a pod that a controller makes', () => {
  test.each(OWNERS)('for a $kind belongs to whoever made that', async (owned) => {
    const owner = anObject(owned.kind, owned.apiVersion, 'uid-1')
    await registry.recordCreated(by(alice), owner)
    const chain = await registry.bindPod(
      by(controller(owned.maker), { controller: owner }),
      aPod(1),
    )
    expect(shape(chain)).toEqual({ root: 'alice', also: [], actors: [`${owned.kind}>pod-1`] })
  })

  test.each([
    ['Deployment', 'apps/v1', 'deployment', 'ReplicaSet', 'apps/v1', 'replicaset'],
    ['CronJob', 'batch/v1', 'cronjob', 'Job', 'batch/v1', 'job'],
  ])('through a %s belongs to whoever made that', async (...names) => {
    const [kind, version, maker, middleKind, middleVersion, middleMaker] = names
    const outer = anObject(kind, version, 'outer')
    const middle = anObject(middleKind, middleVersion, 'middle')
    await registry.bindPod(by(alice), aPod(1))
    await registry.recordCreated(by(podToken(1)), outer)
    await registry.recordCreated(by(controller(maker), { controller: outer }), middle)
    const context = by(controller(middleMaker), { controller: middle })
    const chain = await registry.bindPod(context, aPod(2))
    const actors = ['pod-1', `${kind}>${middleKind}>pod-2`]
    expect(shape(chain)).toEqual({ root: 'alice', also: [], actors })
  })

  const forged: readonly [string, Partial<ControllerReference>, Partial<AdmissionContext>][] = [
    ['a UID that nobody knows', { uid: 'other' }, {}],
    ['another name', { name: 'other' }, {}],
    ['another namespace', {}, { namespace: 'other' }],
  ]
  test.each(forged)('for an owner of %s belongs to nobody', async (_name, reference, context) => {
    await registry.recordCreated(by(alice), JOB)
    const owner = { ...JOB, ...reference }
    const made = by(controller('job'), { controller: owner, ...context })
    expect(shape(await registry.bindPod(made, aPod(1))).root).toBe('lanyard:unattributed')
  })

  test.each([
    ['a person', bob],
    ['a service account of the same name elsewhere', serviceAccountUser('team', 'job-controller')],
    ['the garbage collector', controller('generic-garbage-collector')],
  ])('is not believed of %s, who is its root requester then', async (_name, user) => {
    await registry.recordCreated(by(alice), JOB)
    const chain = await registry.bindPod(by(user, { controller: JOB }), aPod(1))
    expect(shape(chain)).toEqual({ root: user.username, also: [], actors: ['pod-1'] })
  })

  test('is not believed of another controller of the cluster, and nobody answers then', async () => {
    await registry.recordCreated(by(alice), JOB)
    const chain = await registry.bindPod(by(controller('replicaset'), { controller: JOB }), aPod(1))
    expect(shape(chain)).toMatchObject({ root: 'lanyard:unattributed', also: [] })
  })

  describe.each([...OWNERS, { kind: 'Deployment', apiVersion: 'apps/v1', maker: '' }])(
    'by the one user of all controllers for a $kind',
    ({ kind, apiVersion }) => {
      const owner = anObject(kind, apiVersion, 'uid-1')
      const made = by(aUser('system:kube-controller-manager', []), { controller: owner })

      test('belongs to whoever made that', async () => {
        await registry.recordCreated(by(alice), owner)
        const chain = await registry.bindPod(made, aPod(1))
        expect(shape(chain)).toEqual({ root: 'alice', also: [], actors: [`${kind}>pod-1`] })
      })

      test('belongs to nobody when that is not on record', async () => {
        const chain = await registry.bindPod(made, aPod(1))
        expect(shape(chain).root).toBe('lanyard:unattributed')
      })
    },
  )

  test.each([
    ['without an owner', undefined],
    ['for an owner of a kind that no controller makes objects for', anObject('Set', 'x/v1', 'u')],
    ['for an owner of the right name in another group', anObject('Job', 'x/v1', 'u')],
  ])('by the one user of all controllers %s belongs to nobody', async (_name, owner) => {
    const user = aUser('system:kube-controller-manager', [])
    const chain = await registry.bindPod(by(user, { controller: owner }), aPod(1))
    expect(shape(chain)).toMatchObject({ root: 'lanyard:unattributed', also: [] })
  })

  test('for an owner of a kind that it does not make is not believed', async () => {
    const set = anObject('ReplicaSet', 'example.com/v1', 'uid-1')
    await registry.recordCreated(by(alice), set)
    const context = by(controller('replicaset'), { controller: set })
    expect(shape(await registry.bindPod(context, aPod(1))).root).toBe('lanyard:unattributed')
  })
})

describe('recordChanged()', () => {
  const pod = () => registry.bindPod(by(controller('job'), { controller: JOB }), aPod(7))

  test('makes an editor answer for what comes from then on', async () => {
    await registry.recordCreated(by(alice), JOB)
    await registry.recordChanged(by(bob), JOB)
    expect(shape(await pod())).toEqual({ root: 'alice', also: ['bob'], actors: ['Job>pod-7'] })
  })

  test('makes everyone behind an editing pod answer, its accounts too', async () => {
    await registry.recordCreated(by(alice), JOB)
    await registry.bindPod(by(bob), aPod(1))
    await registry.bindPod(by(podToken(1)), aPod(2, 'builder'))
    await registry.recordChanged(by(podToken(2, 'builder')), JOB)
    const accounts = ['agent', 'builder'].map((name) => `system:serviceaccount:team:${name}`)
    expect(shape(await pod()).also).toEqual(['bob', ...accounts])
  })

  test('keeps everyone of those who edit at the same time', async () => {
    await registry.recordCreated(by(alice), JOB)
    const editors = ['bob', 'carol', 'dave']
    await Promise.all(editors.map((name) => registry.recordChanged(by(aUser(name)), JOB)))
    expect(shape(await pod()).also).toEqual(editors)
  })

  test.each([
    'authentication.kubernetes.io/credential-id',
    'accessKeyId',
    'sigs.k8s.io/aws-iam-authenticator/accessKeyId',
    'iam.gke.io/user-assertion',
    'user-assertion.cloud.google.com',
  ])('takes one person with one %s after the other for one', async (key) => {
    await registry.recordCreated(by(alice), JOB)
    for (let session = 0; session < CHAIN_REQUESTERS_MAX + 1; session += 1) {
      const extra = { [key]: [String(session)] }
      await registry.recordChanged(by({ ...bob, extra }), JOB)
    }
    expect((await pod()).coRequesters).toEqual([bob])
  })

  test('keeps one person apart by groups, and by extra that may narrow a session', async () => {
    await registry.recordCreated(by(alice), JOB)
    const scoped = { ...bob, extra: { 'scopes.authorization.openshift.io': ['user:info'] } }
    for (const user of [bob, scoped, aUser('bob', ['platform'])]) {
      await registry.recordChanged(by(user), JOB)
    }
    expect((await pod()).coRequesters).toEqual([bob, scoped, aUser('bob', ['platform'])])
  })

  test('adds nobody twice', async () => {
    await registry.recordCreated(by(alice), JOB)
    for (const user of [alice, bob, bob]) await registry.recordChanged(by(user), JOB)
    expect(shape(await pod()).also).toEqual(['bob'])
  })

  test('of an object from before Lanyard leaves nobody as its root requester', async () => {
    await registry.recordChanged(by(alice), JOB)
    expect(shape(await pod())).toMatchObject({ root: 'lanyard:unattributed', also: ['alice'] })
  })

  test('by the controller of its owner adds nobody', async () => {
    const cron = anObject('CronJob', 'batch/v1', 'cron')
    await registry.recordCreated(by(alice), cron)
    await registry.recordCreated(by(controller('cronjob'), { controller: cron }), JOB)
    await registry.recordChanged(by(controller('cronjob'), { controller: cron }), JOB)
    expect(shape(await pod()).also).toEqual([])
  })

  test('records nothing for a dry run', async () => {
    await registry.recordCreated(by(alice), JOB)
    await registry.recordChanged(by(bob, { dryRun: true }), JOB)
    expect(shape(await pod()).also).toEqual([])
  })

  test('refuses nobody: a chain with more editors than are judged is closed', async () => {
    await registry.recordCreated(by(alice), JOB)
    for (let number = 1; number <= CHAIN_REQUESTERS_MAX + 1; number += 1) {
      await registry.recordChanged(by(aUser(`editor-${number}`)), JOB)
    }
    const chain = await pod()
    expect(chain.closed).toContain('more than 16 people')
    expect(chain.coRequesters).toHaveLength(CHAIN_REQUESTERS_MAX - 1)
  })

  test.each(['deployment-controller', 'generic-garbage-collector'])(
    'by the account %s adds nobody, whatever it says',
    async (name) => {
      await registry.recordCreated(by(alice), JOB)
      await registry.recordChanged(by(serviceAccountUser('kube-system', name)), JOB)
      expect(shape(await pod()).also).toEqual([])
    },
  )
})

describe('a ReplicaSet of a Deployment', () => {
  const deployment = anObject('Deployment', 'apps/v1', 'deployment-uid')
  const set = anObject('ReplicaSet', 'apps/v1', 'set-uid')
  const byDeployment = by(controller('deployment'), { controller: deployment })
  const pod = (number = 7) =>
    registry.bindPod(by(controller('replicaset'), { controller: set }), aPod(number))

  test('that a rollback takes up again makes pods for whoever rolled back, too', async () => {
    await registry.recordCreated(by(alice), deployment)
    await registry.recordCreated(byDeployment, set)
    expect(shape(await pod(1)).also).toEqual([])
    await registry.recordChanged(by(bob), deployment)
    await registry.recordCreated(byDeployment, anObject('ReplicaSet', 'apps/v1', 'next-uid'))
    await registry.recordChanged(by(aUser('carol')), deployment)
    expect(shape(await pod())).toEqual({
      root: 'alice',
      also: ['bob', 'carol'],
      actors: ['Deployment>ReplicaSet>pod-7'],
    })
  })

  test('adds no account of a pod that launched both', async () => {
    await registry.bindPod(by(alice), aPod(1))
    await registry.recordCreated(by(podToken(1)), deployment)
    await registry.recordCreated(byDeployment, set)
    expect(shape(await pod())).toMatchObject({ root: 'alice', also: [] })
  })

  test.each([
    ['adopted', () => registry.recordAdopted(byDeployment, set)],
    ['changed on the way', () => registry.recordChanged(byDeployment, set)],
  ])('that it has %s makes pods for everyone of the Deployment', async (_name, adopt) => {
    await registry.recordCreated(by(aUser('mallory')), set)
    await registry.bindPod(by(alice), aPod(1))
    await registry.recordCreated(by(podToken(1)), deployment)
    await registry.recordChanged(by(bob), deployment)
    await adopt()
    const also = ['alice', 'bob', 'system:serviceaccount:team:agent']
    expect(shape(await pod())).toMatchObject({ root: 'mallory', also })
  })

  test.each([
    ['that is not on record', deployment, 'team'],
    ['of another namespace', deployment, 'other'],
  ])('adopted by an object %s is unattributed as well', async (_name, owner, namespace) => {
    await registry.recordCreated(by(alice), set)
    const elsewhere = namespace === 'team' ? [] : [by(alice, { namespace })]
    for (const context of elsewhere) await registry.recordCreated(context, owner)
    await registry.recordAdopted(byDeployment, set)
    expect(shape(await pod()).also).toEqual(['lanyard:unattributed'])
  })

  test("from before Lanyard stays nobody's when it is adopted", async () => {
    await registry.recordCreated(by(alice), deployment)
    await registry.recordAdopted(byDeployment, set)
    expect(shape(await pod())).toMatchObject({ root: 'lanyard:unattributed', also: ['alice'] })
  })

  test('is not adopted in a dry run, nor by what is no Deployment', async () => {
    await registry.recordCreated(by(alice), set)
    await registry.recordAdopted({ ...byDeployment, dryRun: true }, set)
    const rollout = anObject('Rollout', 'argoproj.io/v1alpha1', 'rollout-uid')
    await registry.recordAdopted(by(bob, { controller: rollout }), set)
    expect(shape(await pod()).also).toEqual([])
  })

  test('an edited CronJob adds nobody to the Jobs that it had made', async () => {
    const cron = anObject('CronJob', 'batch/v1', 'cron')
    await registry.recordCreated(by(alice), cron)
    await registry.recordCreated(by(controller('cronjob'), { controller: cron }), JOB)
    await registry.recordChanged(by(bob), cron)
    const made = by(controller('job'), { controller: JOB })
    expect(shape(await registry.bindPod(made, aPod(1))).also).toEqual([])
  })
})

describe('recordUnwatched()', () => {
  const pod = (namespace: string, number: number) =>
    registry.bindPod(
      by(controller('job'), { namespace, controller: { ...JOB, uid: namespace } }),
      aPod(number),
    )

  test('makes nobody answer as well for what a namespace makes from then on', async () => {
    for (const namespace of ['team', 'other']) {
      await registry.recordCreated(by(alice, { namespace }), { ...JOB, uid: namespace })
    }
    for (let times = 0; times < 2; times += 1) await registry.recordUnwatched('team')
    expect(shape(await pod('team', 1))).toMatchObject({
      root: 'alice',
      also: ['lanyard:unattributed'],
    })
    expect(shape(await pod('other', 2)).also).toEqual([])
  })
})

describe('recordCreated()', () => {
  test('keeps the first maker of a UID', async () => {
    await registry.recordCreated(by(alice), JOB)
    await registry.recordCreated(by(alice), JOB)
    await expect(registry.recordCreated(by(bob), JOB)).rejects.toMatchObject({
      code: 'binding_conflict',
    })
  })

  test('records nothing for a dry run', async () => {
    await registry.recordCreated(by(bob, { dryRun: true }), JOB)
    await registry.recordCreated(by(alice), JOB)
    expect((await store.workloads.find(JOB.uid))?.chain.rootRequester.username).toBe('alice')
  })
})

test('resolve() says what a pod would get and records nothing', async () => {
  await registry.recordCreated(by(alice), JOB)
  const chain = await registry.resolve(by(controller('job'), { controller: JOB }))
  expect(shape(chain)).toEqual({ root: 'alice', also: [], actors: [] })
})
