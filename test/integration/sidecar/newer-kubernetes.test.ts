import { CoreV1Api, type KubeConfig, RbacAuthorizationV1Api } from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chosenKubernetes } from '../../cluster/kubernetes-versions.ts'
import { findKube } from '../../support/find-kubernetes.ts'
import {
  comparable,
  MAPS,
  makeAccount,
  NAMESPACE_PATH,
  type RealApiPair,
  type Sent,
  startRealApiPair,
  WEBSOCKET,
} from '../../support/real-api-pair.ts'

/* What Kubernetes 1.35 to 1.37 brought on the way of a request, before a real kube-apiserver. */

const kube = findKube()
const isOld = ['1.30', '1.34'].includes(chosenKubernetes())
const RBAC = 'rbac.authorization.k8s.io'
const TENANT = 'Impersonate-User: tenant'
const UNSAFE = 'ignoreStoreReadErrorWithClusterBreakingPotential'
const STREAMED = `${MAPS}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1`

/** An account that may impersonate users by constrained impersonation alone, and only to list ConfigMaps. */
async function makeConstrainedAccount(admin: KubeConfig): Promise<string> {
  await makeAccount(admin)
  const core = admin.makeApiClient(CoreV1Api)
  const rbac = admin.makeApiClient(RbacAuthorizationV1Api)
  const namespace = 'team'
  await core.createNamespacedServiceAccount({ namespace, body: { metadata: { name: 'narrow' } } })
  const authentication = ['authentication.k8s.io']
  const lists = { apiGroups: [''], resources: ['configmaps'], verbs: ['list'] }
  const roles = {
    narrow: [
      { apiGroups: authentication, resources: ['users'], verbs: ['impersonate:user-info'] },
      { ...lists, verbs: ['impersonate-on:user-info:list'] },
    ],
    tenant: [{ ...lists, resources: ['configmaps', 'secrets'] }],
  }
  const subjects = {
    narrow: { kind: 'ServiceAccount', name: 'narrow', namespace },
    tenant: { kind: 'User', name: 'tenant', apiGroup: RBAC },
  }
  for (const name of ['narrow', 'tenant'] as const) {
    const metadata = { name }
    await rbac.createClusterRole({ body: { metadata, rules: roles[name] } })
    const roleRef = { apiGroup: RBAC, kind: 'ClusterRole', name }
    await rbac.createClusterRoleBinding({ body: { metadata, roleRef, subjects: [subjects[name]] } })
  }
  const body = { spec: { audiences: [] } }
  const made = await core.createNamespacedServiceAccountToken({ name: 'narrow', namespace, body })
  return made.status?.token ?? ''
}

describe.skipIf(kube === undefined)('a sidecar before a real kube-apiserver', () => {
  let pair: RealApiPair

  beforeAll(async () => {
    pair = await startRealApiPair(kube ?? '')
  }, 120_000)

  afterAll(() => pair?.close())

  test.each<[string, Sent]>([
    ['POST', { method: 'POST' }],
    ['WebSocket', { headers: WEBSOCKET }],
  ])(
    'asks about the environment of an exec, which kube-apiserver passes over: %s',
    async (_title, how) => {
      const target = `${NAMESPACE_PATH}/pods/web/exec?command=id&stdout=true&env=A%3D1&env=B%3D2`
      const { theirs, ours } = await pair.ask({ ...how, target })
      expect(comparable(ours)).toEqual(comparable(theirs))
      // The pod is on no node; a kube-apiserver that refused the environment would not get so far.
      expect(theirs.body).toMatch(/does not have a host assigned/)
      expect(pair.questions.at(-1)?.attributes?.exec).toMatchObject({
        command: ['id'],
        env: ['A=1', 'B=2'],
      })
    },
  )

  test.each([
    ['JSON', 'application/json'],
    ['protobuf', 'application/vnd.kubernetes.protobuf;stream=watch, application/json'],
    ['CBOR first', 'application/cbor-seq, application/json'],
  ])('streams a list as the beginning of a watch: %s', async (_title, accept) => {
    const { theirs, ours } = await pair.ask({ target: STREAMED, headers: [`Accept: ${accept}`] })
    expect(comparable(ours)).toEqual(comparable(theirs))
    expect(ours.body).toContain('k8s.io/initial-events-end')
    expect(pair.questions.at(-1)?.attributes).toMatchObject({ verb: 'watch', name: '' })
  })

  test.each([
    ['a shard', `${MAPS}?shardSelector=shardRange(object.metadata.uid,'0x0','0x8000000000000000')`],
    ['a shard that is none', `${MAPS}?shardSelector=x`],
    ['two shards', `${MAPS}?shardSelector=x&shardSelector=y`],
  ])('answers as kube-apiserver does whoever lists %s', async (_title, target) => {
    const { theirs, ours } = await pair.ask({ target })
    expect(comparable(ours)).toEqual(comparable(theirs))
  })

  test.each([
    ['the query', { target: `${MAPS}/one?${UNSAFE}=true&dryRun=All` }],
    ['the body', { target: `${MAPS}/one?dryRun=All`, body: `{"${UNSAFE}":true,"dryRun":["All"]}` }],
  ])('asks about an unsafe delete, and is answered the same: by %s', async (_title, sent) => {
    const headers = 'body' in sent ? ['Content-Type: application/json'] : []
    const { theirs, ours } = await pair.ask({ ...sent, method: 'DELETE', headers })
    expect(comparable(ours)).toEqual(comparable(theirs))
    expect(pair.questions.at(-1)?.attributes?.alsoVerbs).toEqual([
      'unsafe-delete-ignore-read-errors',
    ])
  })

  test.each([
    ['asks for CBOR alone', { headers: ['Accept: application/cbor'] }, 406],
    ['offers CBOR first', { headers: ['Accept: application/cbor, application/json;q=0.9'] }, 200],
    [
      'sends CBOR',
      { method: 'POST', headers: ['Content-Type: application/cbor'], body: '{}' },
      415,
    ],
  ])('answers as kube-apiserver does whoever %s', async (_title, sent, status) => {
    const { theirs, ours } = await pair.ask(sent)
    expect(comparable(ours)).toEqual(comparable(theirs))
    expect(ours.httpStatus).toBe(status)
  })
})

describe.skipIf(kube === undefined || isOld)(
  'a sidecar of an account with constrained impersonation',
  () => {
    let pair: RealApiPair

    beforeAll(async () => {
      pair = await startRealApiPair(kube ?? '', makeConstrainedAccount)
    }, 120_000)

    afterAll(() => pair?.close())

    test.each<[string, Sent, number]>([
      ['a list that it may', { headers: [TENANT] }, 200],
      ['a get that it may not', { target: `${MAPS}/one`, headers: [TENANT] }, 403],
      ['another resource', { target: `${NAMESPACE_PATH}/secrets`, headers: [TENANT] }, 403],
      ['a group besides', { headers: [TENANT, 'Impersonate-Group: system:masters'] }, 403],
      ['nobody', {}, 403],
    ])('is answered as without one: as a tenant, %s', async (_title, sent, status) => {
      const { theirs, ours } = await pair.ask(sent)
      expect(comparable(ours)).toEqual(comparable(theirs))
      expect(ours.httpStatus).toBe(status)
    })

    test('asks whether the chain may impersonate, whatever verbs its account has', async () => {
      await pair.ask({ headers: [TENANT] })
      expect(pair.questions.at(-1)?.impersonation?.user?.username).toBe('tenant')
    })
  },
)
