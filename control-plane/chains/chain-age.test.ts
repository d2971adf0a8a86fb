import { afterEach, beforeEach, expect, test } from 'vitest'
import { serviceAccountUser, type UserInfo } from '../../core/kubernetes/user-info.ts'
import { POD_UID_EXTRA } from '../../core/names.ts'
import { aPodUid, aUser } from '../../test/support/record-builders.ts'
import { openStore } from '../store/open-store.ts'
import type { Store } from '../store/store.ts'
import { type AdmissionContext, createChainRegistry } from './chain-registry.ts'

/* How old the chains of pods are, as the registry writes it. */

const alice = { ...aUser('alice'), uid: '1' }
const WEB = {
  kind: 'Deployment',
  apiVersion: 'apps/v1',
  uid: 'web-uid',
  name: 'web',
  generation: 1,
}
const SET = {
  kind: 'ReplicaSet',
  apiVersion: 'apps/v1',
  uid: 'set-uid',
  name: 'web-1',
  generation: 1,
}

let store: Store
let nowMs = 0
let registry: ReturnType<typeof createChainRegistry>

beforeEach(async () => {
  store = await openStore(':memory:')
  registry = createChainRegistry({ ...store, now: () => nowMs })
})
afterEach(() => store.close())

function by(user: UserInfo, parts: Partial<AdmissionContext> = {}): AdmissionContext {
  return { user, namespace: 'team', controller: undefined, dryRun: false, ...parts }
}

async function bind(context: AdmissionContext, number: number) {
  const pod = { podUid: aPodUid(number), podName: `pod-${number}`, serviceAccount: 'agent' }
  await registry.bindPod(context, pod)
  const { beganAtMs, renewedAtMs } = (await store.bindings.find(pod.podUid)) ?? {}
  return { beganAtMs, renewedAtMs }
}

const podToken = (number: number): UserInfo => ({
  ...serviceAccountUser('team', 'agent'),
  extra: { [POD_UID_EXTRA]: [aPodUid(number)] },
})

test('bindPod() counts from the root requester, not from the pod that launches', async () => {
  nowMs = 10
  expect(await bind(by(alice), 1)).toEqual({ beganAtMs: 10, renewedAtMs: 10 })
  nowMs = 500
  expect(await bind(by(podToken(1)), 2)).toEqual({ beganAtMs: 10, renewedAtMs: 10 })
})

test.each([
  ['the root requester', alice, 700],
  ['the root requester with other groups', { ...alice, groups: ['left'] }, 700],
  ['a namesake of another UID', { ...alice, uid: '2' }, 10],
  ['a colleague', aUser('bob'), 10],
  ['a pod of the root requester, which is older', podToken(1), 300],
  ['the controller', serviceAccountUser('kube-system', 'deployment-controller'), 10],
])('recordChanged() by %s', async (_name, user, renewedAtMs) => {
  nowMs = 10
  await registry.recordCreated(by(alice), WEB)
  const replicaSet = by(serviceAccountUser('kube-system', 'deployment-controller'), {
    controller: WEB,
  })
  await registry.recordCreated(replicaSet, SET)
  nowMs = 300
  await bind(by(alice), 1)
  nowMs = 700
  const controller = user.username.endsWith('controller') ? WEB : undefined
  await registry.recordChanged(by(user, { controller }), WEB)
  nowMs = 900
  const made = by(serviceAccountUser('kube-system', 'replicaset-controller'), { controller: SET })
  expect(await bind(made, 2)).toEqual({ beganAtMs: 10, renewedAtMs })
})
