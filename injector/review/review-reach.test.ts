import { beforeEach, describe, expect, test } from 'vitest'
import { Fault } from '../../core/fault.ts'
import type { Pod } from '../../core/pods/pod.ts'
import { aContainer, anAdmissionRequest, aPod, SIDECAR } from '../../test/support/pod-builders.ts'
import {
  createRecordingChainClient,
  type RecordingChainClient,
} from '../../test/support/recording-chain-client.ts'
import type { AdmissionRequest, Review } from '../admission/admission-review.ts'
import { injectSidecar } from '../injection/inject-sidecar.ts'
import { isPodUpdate, isVisit, validatePodUpdate, validateVisit } from './review-reach.ts'

const ALLOWED = { result: 'allowed' }
const injected = injectSidecar(aPod(), SIDECAR, {})

let chains: RecordingChainClient
beforeEach(() => {
  chains = createRecordingChainClient()
})

let logged: object[]
beforeEach(() => {
  logged = []
})

function visit(
  request: AdmissionRequest,
  visitFailurePolicy: 'Fail' | 'Ignore' = 'Fail',
): Promise<Review> {
  const logger = { warn: (facts: object) => void logged.push(facts) }
  return validateVisit(request, { chains, visitFailurePolicy, logger })
}

function updating(object: Pod): Promise<Review> {
  const request = anAdmissionRequest({ operation: 'UPDATE', object, oldObject: injected })
  return validatePodUpdate(request, chains)
}

const withImage = (name: string, image: string): Pod => {
  const swap = (list: Pod['spec']['containers'] = []) =>
    list.map((one) => (one.name === name ? { ...one, image } : one))
  const { spec } = injected
  const initContainers = swap(spec.initContainers)
  return { ...injected, spec: { ...spec, initContainers, containers: swap(spec.containers) } }
}

test('validatePodUpdate() puts on record who swaps the image of a container', async () => {
  const [{ name = '' } = {}] = injected.spec.containers
  expect(await updating(withImage(name, 'nop:1'))).toEqual(ALLOWED)
  const { name: podName, uid: podUid } = injected.metadata
  expect(chains.visits).toEqual([{ podName, podUid, kind: 'image' }])
})

test('validatePodUpdate() never takes another image of the sidecar', async () => {
  const review = await updating(withImage('lanyard-sidecar', 'mine:1'))
  expect(review).toMatchObject({ result: 'refused', message: expect.stringContaining('recreate') })
  expect(chains.visits).toEqual([])
})

test.each<[string, Pod]>([
  ['nothing', injected],
  ['a label', { ...injected, metadata: { ...injected.metadata, labels: { a: 'b' } } }],
  ['a deadline', { ...injected, spec: { ...injected.spec, activeDeadlineSeconds: 5 } }],
])('validatePodUpdate() of %s puts nobody on record', async (_name, object) => {
  expect(await updating(object)).toEqual(ALLOWED)
  expect(chains.visits).toEqual([])
})

test('validatePodUpdate() takes a container that was not there for another image', async () => {
  const containers = [...injected.spec.containers, aContainer({ name: 'new' })]
  await updating({ ...injected, spec: { ...injected.spec, containers } })
  expect(chains.visits).toHaveLength(1)
})

test('validatePodUpdate() lets nobody in while the record cannot be written', async () => {
  chains.failure = new Fault('decision_unavailable', 'away')
  const [{ name = '' } = {}] = injected.spec.containers
  await expect(updating(withImage(name, 'nop:1'))).rejects.toThrow('away')
})

test.each(['exec', 'attach', 'portforward'] as const)(
  'validateVisit() puts on record who opens %s',
  async (kind) => {
    const object = { kind: 'PodExecOptions', container: 'app' }
    const about = { operation: 'CONNECT', subresource: kind, name: 'web', object } as const
    const request = anAdmissionRequest(about)
    expect([isVisit(request), isPodUpdate(request)]).toEqual([true, false])
    expect(await visit(request)).toEqual(ALLOWED)
    expect(chains.visits).toEqual([{ podName: 'web', podUid: '', kind }])
    chains.failure = new Fault('decision_unavailable', 'away')
    await expect(visit(request)).rejects.toThrow('away')
  },
)

describe('validateVisit() with visitFailurePolicy Ignore', () => {
  const request = anAdmissionRequest({ operation: 'CONNECT', subresource: 'exec', name: 'web' })

  test('puts on record who it is, while it can', async () => {
    expect(await visit(request, 'Ignore')).toEqual(ALLOWED)
    expect(chains.visits).toHaveLength(1)
    expect(logged).toEqual([])
  })

  test.each([
    'decision_unavailable',
    'decision_timeout',
    'audit_unavailable',
    'overloaded',
  ] as const)('lets them pass for want of an answer (%s), and logs who it was', async (code) => {
    chains.failure = new Fault(code, 'away')
    expect(await visit(request, 'Ignore')).toEqual(ALLOWED)
    const { username } = request.user
    expect(logged).toMatchObject([{ username, namespace: 'team', pod: 'web', kind: 'exec' }])
  })

  test.each(['permission_denied', 'identity_unverified', 'request_invalid', 'internal'] as const)(
    'lets nobody pass against an answer (%s)',
    async (code) => {
      chains.failure = new Fault(code, 'no')
      await expect(visit(request, 'Ignore')).rejects.toThrow('no')
    },
  )
})

test('validateVisit() refuses a request that names no pod', async () => {
  const request = anAdmissionRequest({ operation: 'CONNECT', subresource: 'exec', name: '' })
  expect(await visit(request, 'Ignore')).toMatchObject({ result: 'refused' })
})

test.each([
  { operation: 'CONNECT', subresource: 'proxy' },
  { operation: 'CONNECT', subresource: 'constructor' },
  { operation: 'UPDATE', subresource: 'exec' },
] as const)('isVisit() is none of %j', (about) => {
  expect(isVisit(anAdmissionRequest(about))).toBe(false)
})
