import { describe, expect, test } from 'vitest'
import { Fault } from '../../core/fault.ts'
import { createLogger } from '../../platform/logger.ts'
import { createMetrics, type Metrics } from '../../platform/metrics.ts'
import { aPod, POD_REVIEW, SIDECAR } from '../../test/support/pod-builders.ts'
import { aUser } from '../../test/support/record-builders.ts'
import {
  createRecordingChainClient,
  type RecordingChainClient,
} from '../../test/support/recording-chain-client.ts'
import { hintsOf } from '../injection/hint-annotations.ts'
import { injectSidecar } from '../injection/inject-sidecar.ts'
import { createApp } from './app.ts'
import { createInjectorMetrics } from './injector-metrics.ts'

const ROOT = '/apis/admission.lanyard.dev/v1alpha1'
const MUTATE = `${ROOT}/mutate`
const VALIDATE = `${ROOT}/validate`

interface Fixture {
  readonly chains: RecordingChainClient
  readonly metrics: Metrics
  readonly lines: string[]
  post(path: string, body: string): Promise<Response>
  /** The response in the AdmissionReview that answers this request. */
  review(path: string, request: object): Promise<Record<string, unknown>>
}

/** `authenticate` says who calls; what calls is kube-apiserver unless a test says otherwise. */
function fixture(authenticate = () => aUser('system:apiserver')): Fixture {
  const chains = createRecordingChainClient()
  const metrics = createMetrics('injector', 'test')
  const lines: string[] = []
  const logger = createLogger(
    { name: 'injector', level: 'debug' },
    { write: (line) => void lines.push(line) },
  )
  const app = createApp({
    chains,
    logger,
    metrics: createInjectorMetrics(metrics),
    isNeutralKey: () => false,
    visitFailurePolicy: 'Fail',
    ...POD_REVIEW,
    authenticate,
  })
  const post = async (path: string, body: string) =>
    app.request(path, { method: 'POST', body }, { incoming: { headers: {} } })
  return {
    chains,
    metrics,
    lines,
    post,
    async review(path, request) {
      const response = await post(path, reviewOf(request))
      expect(response.status).toBe(200)
      return ((await response.json()) as { response: Record<string, unknown> }).response
    },
  }
}

const podRequest = {
  uid: 'r-1',
  kind: { group: '', version: 'v1', kind: 'Pod' },
  resource: { group: '', version: 'v1', resource: 'pods' },
  namespace: 'team',
  operation: 'CREATE',
  userInfo: { username: 'alice' },
  object: aPod(),
}
const reviewOf = (request: object): string =>
  JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request })
const injected = injectSidecar(aPod(), SIDECAR, hintsOf(createRecordingChainClient().launchers))

describe('createApp() answers', () => {
  test('a patch to /mutate, to the request that asked', async () => {
    const answer = await fixture().review(MUTATE, podRequest)
    expect(answer).toMatchObject({ uid: 'r-1', allowed: true, patchType: 'JSONPatch' })
  })

  test('yes to /validate for what injection made', async () => {
    const { chains, review } = fixture()
    expect(await review(VALIDATE, { ...podRequest, object: injected })).toEqual({
      uid: 'r-1',
      allowed: true,
    })
    expect(chains.bound).toHaveLength(1)
  })

  test('no to /validate for what injection did not make', async () => {
    const answer = await fixture().review(VALIDATE, podRequest)
    expect(answer).toMatchObject({ uid: 'r-1', allowed: false, status: { code: 403 } })
  })

  test('yes to a workload, which is recorded', async () => {
    const { chains, review } = fixture()
    const kind = { group: 'batch', version: 'v1', kind: 'Job' }
    const resource = { group: 'batch', version: 'v1', resource: 'jobs' }
    const object = { metadata: { name: 'j', uid: 'j-uid' }, spec: {} }
    const answer = await review(VALIDATE, { ...podRequest, kind, resource, object })
    expect(answer['allowed']).toBe(true)
    expect(chains.recorded).toMatchObject([{ kind: 'Job', uid: 'j-uid' }])
  })

  test('yes to a deletion, which leaves the record', async () => {
    const answer = await fixture().review(VALIDATE, {
      ...podRequest,
      operation: 'DELETE',
      object: null,
    })
    expect(answer['allowed']).toBe(true)
  })
})

describe('createApp() refuses with a reason', () => {
  const away = new Fault('decision_unavailable', 'the control plane does not answer; try again')
  test.each<[string, Fault | Error, object]>([
    [
      'a control plane that is away',
      away,
      {
        code: 503,
        reason: 'ServiceUnavailable',
        message: 'lanyard: the control plane does not answer; try again',
      },
    ],
    [
      'a UID that is bound already',
      new Fault('binding_conflict', 'the pod is bound'),
      { code: 409, reason: 'Conflict', message: 'lanyard: the pod is bound' },
    ],
    [
      'what nobody thought of, without its words',
      new TypeError('secret-part'),
      { code: 500, reason: 'InternalError', message: 'lanyard: Cannot complete the request' },
    ],
  ])('%s', async (_name, failure, status) => {
    const { chains, review } = fixture()
    chains.failure = failure as Fault
    const object = injected
    expect(await review(MUTATE, podRequest)).toEqual({ uid: 'r-1', allowed: false, status })
    expect(await review(VALIDATE, { ...podRequest, object })).toEqual({
      uid: 'r-1',
      allowed: false,
      status,
    })
  })

  test.each<[string, string, object]>([
    ['a deletion of a pod to /mutate', MUTATE, { operation: 'DELETE' }],
    ['an ephemeral container to /mutate', MUTATE, { subResource: 'ephemeralcontainers' }],
    ['a pod of another group', MUTATE, { kind: { group: 'x', version: 'v1', kind: 'Pod' } }],
    ['an update of what a pod is like', VALIDATE, { operation: 'UPDATE', subResource: 'status' }],
    ['an unknown part of a pod', VALIDATE, { subResource: 'resize', operation: 'UPDATE' }],
    ['a connection to a port', VALIDATE, { operation: 'CONNECT', subResource: 'proxy' }],
    [
      'a resource that nobody knows',
      VALIDATE,
      { resource: { group: '', version: 'v1', resource: 'serviceaccounts' } },
    ],
  ])('%s', async (_name, path, fields) => {
    const { chains, review } = fixture()
    const answer = await review(path, { ...podRequest, object: injected, ...fields })
    const message = 'lanyard: The webhook is not made for this request'
    expect(answer).toMatchObject({ allowed: false, status: { code: 400, message } })
    expect([...chains.bound, ...chains.recorded]).toEqual([])
  })

  test.each([MUTATE, VALIDATE])('an object that is no pod, to %s', async (path) => {
    const answer = await fixture().review(path, { ...podRequest, object: { metadata: {} } })
    expect(answer).toMatchObject({
      allowed: false,
      status: { message: 'lanyard: The object is not a pod' },
    })
  })

  test('a pod whose lists hold something else', async () => {
    const object = { metadata: {}, spec: { containers: [{ name: 'a', env: 'x' }] } }
    const answer = await fixture().review(MUTATE, { ...podRequest, object })
    expect(answer).toMatchObject({ allowed: false, status: { code: 500 } })
  })
})

describe('createApp() answers 400, which admits nothing, to', () => {
  test.each<[string, string]>([
    ['nothing', ''],
    ['what is not JSON', '{"request":{"uid":"r-1"}'],
    ['a number', '1'],
    ['null', 'null'],
    ['no uid', reviewOf({ ...podRequest, uid: undefined })],
    ['another kind', reviewOf(podRequest).replace('AdmissionReview', 'SubjectAccessReview')],
    ['another version', reviewOf(podRequest).replace('k8s.io/v1', 'k8s.io/v1beta1')],
    ['no user', reviewOf({ ...podRequest, userInfo: undefined })],
  ])('%s', async (_name, body) => {
    const { chains, post } = fixture()
    for (const path of [MUTATE, VALIDATE]) {
      const response = await post(path, body)
      expect(response.status).toBe(400)
      expect(await response.text()).toBe(
        'lanyard: the body is not an AdmissionReview of admission.k8s.io/v1\n',
      )
    }
    expect(chains).toMatchObject({ resolved: 0, bound: [], recorded: [] })
  })

  test('a body past 8 MiB, with 413', async () => {
    const { post } = fixture()
    const fits = reviewOf({ ...podRequest, pad: 'x'.repeat(7 * 1_024 * 1_024) })
    const body = reviewOf({ ...podRequest, pad: 'x'.repeat(8 * 1_024 * 1_024) })
    expect((await post(MUTATE, fits)).status).toBe(200)
    expect((await post(MUTATE, body)).status).toBe(413)
  })
})

describe('createApp() knows no other path:', () => {
  test.each(['/', '/other', '/mutate', '/validate', `${ROOT}/other`, `${ROOT}/validate/x`])(
    '%s',
    async (path) => {
      const { chains, post } = fixture()
      const response = await post(path, reviewOf({ ...podRequest, object: injected }))
      expect(response.status).toBe(404)
      expect(await response.json()).toMatchObject({ kind: 'Status', reason: 'NotFound', code: 404 })
      expect(chains.bound).toEqual([])
    },
  )
})

describe('createApp() does nothing for', () => {
  const stranger = () => {
    throw new Fault('identity_unverified', 'Unauthorized')
  }
  test.each<[string, () => ReturnType<typeof aUser>, number, string]>([
    ['a caller that is not the front proxy', stranger, 401, 'Unauthorized'],
    ['a user whom RBAC lets post', () => aUser('alice'), 403, 'Forbidden'],
    ['a user of a name that begins so', () => aUser('system:apiserver:x'), 403, 'Forbidden'],
  ])('%s, and does not look at what they send', async (_name, authenticate, code, reason) => {
    const { chains, lines, metrics, post } = fixture(authenticate)
    for (const path of [MUTATE, VALIDATE]) {
      for (const body of [
        reviewOf({ ...podRequest, object: injected }),
        '{',
        'x'.repeat(9 * 1_024 * 1_024),
      ]) {
        const response = await post(path, body)
        expect(response.status).toBe(code)
        expect(await response.json()).toMatchObject({ kind: 'Status', reason, code })
      }
    }
    expect(chains).toMatchObject({ resolved: 0, bound: [], recorded: [] })
    expect(lines).toEqual([])
    expect(await metrics.text()).toContain('lanyard_injector_strangers_total 6')
  })
})

test('createApp() counts what it answered', async () => {
  const { metrics, post, review } = fixture()
  await review(MUTATE, podRequest)
  await review(VALIDATE, podRequest)
  await post(VALIDATE, 'x')
  const text = await metrics.text()
  const count = (webhook: string, result: string) =>
    `lanyard_injector_reviews_total{webhook="${webhook}",result="${result}"} 1`
  expect(text).toContain(count('mutate', 'patched'))
  expect(text).toContain(count('validate', 'refused'))
  expect(text).toContain(count('validate', 'invalid'))
})

test('createApp() logs no part of a body', async () => {
  const { chains, lines, post, review } = fixture()
  chains.failure = new Fault('internal', 'broken')
  const env = [{ name: 'PASSWORD', value: 'canary-5f1' }]
  const object = { ...aPod(), spec: { containers: [{ name: 'app', env }] } }
  await review(MUTATE, { ...podRequest, object })
  await post(MUTATE, 'canary-5f1')
  await post(MUTATE, reviewOf({ ...podRequest, object: 'canary-5f1' }))
  expect(lines.length).toBeGreaterThanOrEqual(3)
  expect(lines.join('')).not.toContain('canary-5f1')
})
