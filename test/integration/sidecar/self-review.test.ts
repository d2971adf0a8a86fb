import { CoreV1Api, RbacAuthorizationV1Api } from '@kubernetes/client-node'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type AuthorizeRequest, Effect } from '../../../proto/gen/lanyard/v1/authorization_pb.ts'
import { type BareApiServer, startBareApiServer } from '../../support/bare-apiserver.ts'
import { findKube, findKubectl } from '../../support/find-kubernetes.ts'
import { createKubectl, type Kubectl } from '../../support/run-kubectl.ts'
import {
  type CallOptions,
  eventually,
  type SidecarFixture,
  startSidecarFixture,
} from '../../support/sidecar-fixture.ts'

/* kubectl through a real sidecar to a real kube-apiserver; only what the chain may is given by each test. */

const kube = findKube() ?? ''
const program = findKubectl() ?? ''
const REVIEWS = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'
const SECRETS = { resourceAttributes: { verb: 'get', resource: 'secrets', namespace: 'default' } }

let api: BareApiServer
let fixture: SidecarFixture
let kubectl: Kubectl

const ofPods = ({ attributes }: AuthorizeRequest) => attributes?.resource === 'pods'

async function makeServiceAccount(core: CoreV1Api, rbac: RbacAuthorizationV1Api): Promise<string> {
  const namespace = 'default'
  const metadata = { name: 'worker', namespace }
  await core.createNamespacedServiceAccount({ namespace, body: { metadata } })
  const rules = [
    { apiGroups: [''], resources: ['pods', 'secrets'], verbs: ['get', 'list'] },
    { apiGroups: ['apps'], resources: ['*'], verbs: ['*'] },
  ]
  await rbac.createClusterRole({ body: { metadata: { name: 'worker' }, rules } })
  await rbac.createClusterRoleBinding({
    body: {
      metadata: { name: 'worker' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'worker' },
      subjects: [{ kind: 'ServiceAccount', name: 'worker', namespace }],
    },
  })
  const body = { spec: { audiences: ['https://kubernetes.default.svc'] } }
  const asked = { name: 'worker', namespace, body }
  const { status } = await core.createNamespacedServiceAccountToken(asked)
  return status?.token ?? ''
}

function kubeconfigOf({ sidecar, token, caPem }: SidecarFixture): string {
  const ca = Buffer.from(caPem).toString('base64')
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'pod',
    clusters: [
      {
        name: 'pod',
        cluster: {
          server: `https://127.0.0.1:${sidecar.port}`,
          'certificate-authority-data': ca,
        },
      },
    ],
    users: [{ name: 'pod', user: { token } }],
    contexts: [{ name: 'pod', context: { cluster: 'pod', user: 'pod' } }],
  })
}

async function canI(...args: string[]): Promise<string> {
  return kubectl.run(['auth', 'can-i', ...args], '').catch((error: Error) => error.message)
}

function review(options: CallOptions = {}) {
  const body = JSON.stringify({
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: SECRETS,
  })
  const headers = ['content-type', 'application/json', ...(options.headers ?? [])]
  return fixture.call(REVIEWS, { method: 'POST', body, ...options, headers })
}

describe.skipIf(kube === '' || program === '')('reviews of what oneself may do', () => {
  beforeAll(async () => {
    api = await startBareApiServer(kube)
    const admin = await api.config('admin', 'system:masters')
    const core = admin.makeApiClient(CoreV1Api)
    const token = await makeServiceAccount(core, admin.makeApiClient(RbacAuthorizationV1Api))
    const cluster = admin.getCurrentCluster()
    fixture = await startSidecarFixture({ LANYARD_UPSTREAM_URL: cluster?.server ?? '' })
    await fixture.writeFile('api-token', token)
    await fixture.writeFile('api-ca', Buffer.from(cluster?.caData ?? '', 'base64').toString())
    await fixture.restart()
    kubectl = await createKubectl(program, kubeconfigOf(fixture))
  }, 120_000)

  afterAll(async () => {
    await kubectl?.[Symbol.asyncDispose]()
    await fixture?.close()
    await api?.close()
  })

  beforeEach(() => {
    fixture.controlPlane.reviewed.length = 0
    fixture.controlPlane.review((question) => ({
      effect: ofPods(question) ? Effect.ALLOW : Effect.DENY,
      reason: ofPods(question) ? '' : 'secrets is forbidden: alice cannot get it',
    }))
  })

  test('kubectl auth can-i says no for what the chain may not, with the reason', async () => {
    await expect(canI('get', 'secrets')).resolves.toMatch(/^no - .*alice cannot get it/)
  })

  test('kubectl auth can-i says yes for what both may, no for what the pod may not', async () => {
    await expect(canI('get', 'pods')).resolves.toBe('yes\n')
    await expect(canI('delete', 'pods')).resolves.toMatch(/^no/)
  })

  test('kubectl auth can-i asks the chain about the very thing', async () => {
    await canI('get', 'pods/agent', '--namespace', 'team')
    expect(fixture.controlPlane.reviewed.map(({ attributes }) => attributes)).toEqual([
      expect.objectContaining({ verb: 'get', resource: 'pods', name: 'agent', namespace: 'team' }),
    ])
  })

  test('kubectl auth can-i --list shows what both may', async () => {
    const text = await canI('--list')
    expect(text).toMatch(/^pods\s+\[\]\s+\[\]\s+\[get list\]/m)
    expect(text).not.toMatch(/secrets|\*\.apps/)
    expect(text).toMatch(/may be incomplete/)
  })

  test('a review sent as YAML is narrowed as one in JSON', async () => {
    const body = `{apiVersion: authorization.k8s.io/v1, kind: SelfSubjectAccessReview, spec: ${JSON.stringify(SECRETS)}}`
    const headers = ['content-type', 'application/yaml', 'accept', 'application/yaml']
    const answer = await fixture.call(REVIEWS, { method: 'POST', body, headers })
    expect(answer.headers['content-type']).toBe('application/yaml')
    expect(JSON.parse(answer.text).status).toMatchObject({ allowed: false, denied: true })
  })

  test('a caller that takes gzip and protobuf gets plain JSON of its true length', async () => {
    const accept = 'application/vnd.kubernetes.protobuf, */*'
    const answer = await review({ headers: ['accept', accept, 'accept-encoding', 'gzip'] })
    expect(answer.httpStatus).toBe(201)
    expect(answer.headers['content-length']).toBe(`${answer.body.length}`)
    expect(JSON.parse(answer.text).status.allowed).toBe(false)
  })

  test('a caller that takes protobuf alone is told what to accept, never yes', async () => {
    const answer = await review({ headers: ['accept', 'application/vnd.kubernetes.protobuf'] })
    expect(answer.httpStatus).toBe(406)
    expect(answer.text).toContain('accept application/json too')
    await eventually('the outcome is reported', () =>
      fixture.controlPlane.outcomes.some(({ httpStatus }) => httpStatus === 406),
    )
  })

  test('a chain that cannot be judged may not, and the review says why', async () => {
    fixture.controlPlane.review(() => ({ effect: Effect.ALLOW, error: 'the reviewer is away' }))
    const { status } = JSON.parse((await review()).text)
    expect(status).toMatchObject({ allowed: false, evaluationError: 'the reviewer is away' })
  })

  test('a review that kube-apiserver refuses is answered as it is', async () => {
    const answer = await review({ body: '{"kind":"SelfSubjectAccessReview"' })
    expect(answer.httpStatus).toBe(400)
    expect(fixture.controlPlane.reviewed).toEqual([])
  })

  test('forty reviews at the same time are all answered', async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, () => review()))
    expect(answers.map(({ httpStatus }) => httpStatus)).toEqual(answers.map(() => 201))
  })
})
