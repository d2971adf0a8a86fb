import { describe, expect, test } from 'vitest'
import { Fault } from '../../core/fault.ts'
import type { Container, Pod, PodSpec } from '../../core/pods/pod.ts'
import {
  aContainer,
  anAdmissionRequest,
  aPod,
  POD_REVIEW,
  SIDECAR,
} from '../../test/support/pod-builders.ts'
import { AGENT, aUser } from '../../test/support/record-builders.ts'
import {
  createRecordingChainClient,
  type RecordingChainClient,
} from '../../test/support/recording-chain-client.ts'
import type { Review } from '../admission/admission-review.ts'
import type { PatchOperation } from '../admission/json-patch.ts'
import { hintsOf } from '../injection/hint-annotations.ts'
import { injectSidecar } from '../injection/inject-sidecar.ts'
import { mutatePod, type PodReviewDeps, validatePod } from './review-pod.ts'

interface Fixture extends PodReviewDeps {
  readonly chains: RecordingChainClient
}

const fixture = (): Fixture => ({
  chains: createRecordingChainClient(),
  ...POD_REVIEW,
})

/** What injection makes of a pod that alice creates. */
const injected = (pod: Pod = aPod()): Pod =>
  injectSidecar(pod, SIDECAR, hintsOf(createRecordingChainClient().launchers))

const validate = (pod: Pod, deps: Fixture = fixture(), dryRun = false): Promise<Review> =>
  validatePod(anAdmissionRequest({ object: pod, dryRun }), deps)

const messageOf = (review: Review): string => ('message' in review ? review.message : '')

function patched(pod: Pod, review: Review): Pod {
  const operations = ('patch' in review ? review.patch : []) as readonly PatchOperation[]
  const part = (name: string) =>
    Object.fromEntries(
      operations
        .filter(({ path }) => path.startsWith(`/${name}/`))
        .map(({ path, value }) => [path.slice(name.length + 2), value]),
    )
  return {
    ...pod,
    metadata: { ...pod.metadata, ...part('metadata') },
    spec: { ...pod.spec, ...part('spec') },
  }
}

describe('mutatePod()', () => {
  test('answers a patch that makes the injected pod', async () => {
    const review = await mutatePod(anAdmissionRequest({ object: aPod() }), fixture())
    expect(review.result).toBe('patched')
    expect(patched(aPod(), review)).toEqual(injected())
  })

  test('says nothing more about a pod that is as it should be', async () => {
    const review = await mutatePod(anAdmissionRequest({ object: injected() }), fixture())
    expect(review).toEqual({ result: 'patched', patch: [] })
  })

  test('records nothing', async () => {
    const deps = fixture()
    await mutatePod(anAdmissionRequest(), deps)
    expect(deps.chains).toMatchObject({ resolved: 1, bound: [], recorded: [] })
  })

  test('names the root requester and every pod on the way', async () => {
    const deps = fixture()
    deps.chains.launchers = { rootRequester: aUser('alice'), coRequesters: [], actors: [AGENT] }
    const pod = patched(aPod(), await mutatePod(anAdmissionRequest(), deps))
    expect(pod.metadata.annotations).toEqual({
      'lanyard.dev/root-requester': 'alice',
      'lanyard.dev/chain': 'alice > team/agent',
    })
  })

  test.each<[string, Pod, string]>([
    ['cannot be protected', aPod({ hostNetwork: true }), 'lanyard: hostNetwork shares'],
    [
      'says that it is a mirror of a static one',
      aPod({}, { annotations: { 'kubernetes.io/config.mirror': 'x' } }),
      'lanyard: mirror pods run what a node was told, without a chain; not in the namespace team',
    ],
  ])('refuses a pod that %s, asking nobody', async (_name, pod, message) => {
    const deps = fixture()
    const review = await mutatePod(anAdmissionRequest({ object: pod }), deps)
    expect(review).toMatchObject({ result: 'refused', code: 403 })
    expect(messageOf(review)).toContain(message)
    expect(deps.chains.resolved).toBe(0)
  })

  test('makes no patch without a chain', async () => {
    const deps = fixture()
    deps.chains.failure = new Fault('decision_unavailable', 'away')
    await expect(mutatePod(anAdmissionRequest(), deps)).rejects.toThrow('away')
  })
})

describe('validatePod()', () => {
  test('allows what injection made, and binds its UID', async () => {
    const deps = fixture()
    expect(await validate(injected(), deps)).toEqual({ result: 'allowed' })
    expect(deps.chains.bound).toEqual([
      { podUid: 'pod-uid-1', podName: 'worker', serviceAccount: 'agent' },
    ])
  })

  test('binds a pod without a service account to the one that it gets', async () => {
    const deps = fixture()
    const { serviceAccountName: _, ...spec } = aPod().spec
    await validate(injected({ ...aPod(), spec }), deps)
    expect(deps.chains.bound[0]?.serviceAccount).toBe('default')
  })

  test('says to the control plane that a dry run is one', async () => {
    const deps = fixture()
    expect(await validate(injected(), deps, true)).toEqual({ result: 'allowed' })
    expect(deps.chains.bound).toEqual([])
  })

  test.each([{ name: '' }, { uid: '' }, { name: undefined }, { uid: undefined }])(
    'refuses a pod with %j',
    async (metadata) => {
      const deps = fixture()
      const pod = injected()
      const review = await validate(
        { ...pod, metadata: { ...pod.metadata, ...metadata } as Pod['metadata'] },
        deps,
      )
      expect(messageOf(review)).toBe('lanyard: the pod has no name or no UID yet')
      expect(deps.chains.bound).toEqual([])
    },
  )

  test('refuses a pod that cannot be protected, injected or not', async () => {
    const review = await validate(injected(aPod({ hostPID: true })))
    expect(messageOf(review)).toContain('hostPID')
  })

  test('allows nothing without the control plane', async () => {
    const deps = fixture()
    deps.chains.failure = new Fault('decision_unavailable', 'away')
    await expect(validate(injected(), deps)).rejects.toThrow('away')
  })
})

/** Changes of the spec of a pod that injection made, as another webhook could make them. */
const spec = (change: (spec: PodSpec) => Partial<PodSpec>) => (pod: Pod) => ({
  ...pod,
  spec: { ...pod.spec, ...change(pod.spec) },
})
const app = (change: (container: Container) => Partial<Container>) =>
  spec(({ containers: [first, ...rest] }) => ({
    containers: [{ ...(first as Container), ...change(first as Container) }, ...rest],
  }))
const sidecar = (change: (container: Container) => Partial<Container>) =>
  spec(({ initContainers: [first, ...rest] = [] }) => ({
    initContainers: [{ ...(first as Container), ...change(first as Container) }, ...rest],
  }))
const hint = (annotations: Readonly<Record<string, string>>) => (pod: Pod) => ({
  ...pod,
  metadata: { ...pod.metadata, annotations: { ...pod.metadata.annotations, ...annotations } },
})

const FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount'
const real = { serviceAccountToken: { path: 'token', expirationSeconds: 3_607 } }

describe('validatePod() refuses a pod', () => {
  test.each<[string, (pod: Pod) => Pod, RegExp]>([
    ['that was not injected', () => aPod(), /metadata.annotations|spec/],
    ['with only our annotations', () => hint(hintsOf(fixture().chains.launchers))(aPod()), /spec/],
    [
      'whose sidecar is another image',
      sidecar(() => ({ image: 'attacker:1' })),
      /spec.initContainers\[0\].image/,
    ],
    [
      'whose sidecar runs something else',
      sidecar(() => ({ command: ['sh'] })),
      /spec.initContainers\[0\].command/,
    ],
    [
      'whose sidecar talks to another control plane',
      sidecar(({ env = [] }) => ({
        env: env.map((one) =>
          one.name === 'LANYARD_CONTROL_PLANE_ADDRESS' ? { ...one, value: 'x:1' } : one,
        ),
      })),
      /spec.initContainers\[0\].env\[0\]/,
    ],
    [
      'whose sidecar trusts another authority',
      sidecar(({ env = [] }) => ({
        env: [...env, { name: 'LANYARD_CONTROL_PLANE_CA', value: 'attacker' }],
      })),
      /spec.initContainers\[0\].env/,
    ],
    [
      'whose sidecar takes settings from elsewhere',
      sidecar(() => ({ envFrom: [{ configMapRef: { name: 'x' } }] })),
      /spec.initContainers\[0\].envFrom/,
    ],
    [
      'whose sidecar runs a command when it starts',
      sidecar(() => ({ lifecycle: { postStart: { exec: { command: ['sh'] } } } })),
      /spec.initContainers\[0\].lifecycle/,
    ],
    [
      'whose sidecar may become root',
      sidecar(() => ({ securityContext: {} })),
      /spec.initContainers\[0\].securityContext/,
    ],
    [
      'with two sidecars',
      spec(({ initContainers = [] }) => ({
        initContainers: [...initContainers, aContainer({ name: 'lanyard-sidecar' })],
      })),
      /spec.initContainers/,
    ],
    [
      'with a container that was added afterwards',
      spec(({ containers }) => ({ containers: [...containers, aContainer({ name: 'late' })] })),
      /spec.initContainers\[0\].env|spec.containers/,
    ],
    ['that asks for a token again', spec(() => ({ automountServiceAccountToken: true })), /auto/],
    [
      'with the built-in token put back',
      spec(({ volumes = [] }) => ({
        volumes: [...volumes, { name: 'kube-api-access-zzzzz', projected: { sources: [real] } }],
      })),
      /spec.volumes/,
    ],
    [
      'whose containers find the real token in our folder',
      spec(({ volumes = [] }) => ({
        volumes: volumes.map((one) =>
          one.name === 'lanyard-run' ? { name: one.name, projected: { sources: [real] } } : one,
        ),
      })),
      /spec.volumes\[2\]/,
    ],
    [
      'with a second volume under the name of ours',
      spec(({ volumes = [] }) => ({
        volumes: [...volumes, { name: 'lanyard-run', emptyDir: {} }],
      })),
      /spec.volumes/,
    ],
    [
      'that mounts the real token where clients look',
      app(() => ({
        volumeMounts: [{ name: 'lanyard-api-token', mountPath: FOLDER, readOnly: true }],
      })),
      /spec.containers\[0\].volumeMounts/,
    ],
    [
      'that mounts the token of another container',
      app(({ volumeMounts = [] }) => ({
        volumeMounts: volumeMounts.map((one) => ({ ...one, subPath: 'containers/other' })),
      })),
      /spec.containers\[0\].volumeMounts\[0\]/,
    ],
    [
      'that mounts all that the sidecar keeps',
      app(({ volumeMounts = [] }) => ({
        volumeMounts: volumeMounts.map(({ name, mountPath }) => ({ name, mountPath })),
      })),
      /spec.containers\[0\].volumeMounts\[0\]/,
    ],
    [
      'that may write its folder',
      app(({ volumeMounts = [] }) => ({
        volumeMounts: volumeMounts.map((one) => ({ ...one, readOnly: false })),
      })),
      /spec.containers\[0\].volumeMounts\[0\]/,
    ],
    [
      'whose container talks to the API server again',
      app(({ env = [] }) => ({ env: env.slice(1) })),
      /spec.containers\[0\].env/,
    ],
    [
      'whose container has a later address',
      app(({ env = [] }) => ({
        env: [...env, { name: 'KUBERNETES_SERVICE_HOST', value: '10.96.0.1' }],
      })),
      /spec.containers\[0\].env/,
    ],
    ['that shares processes', spec(() => ({ shareProcessNamespace: true })), /shareProcess/],
    [
      'with an annotation of ours that we did not write',
      hint({ 'lanyard.dev/lifts': 'everything' }),
      /metadata.annotations.lanyard.dev\/lifts/,
    ],
    [
      'that names somebody else as root requester',
      hint({ 'lanyard.dev/root-requester': 'cluster-admin' }),
      /lanyard.dev\/root-requester/,
    ],
    [
      'that hides who launched it',
      (pod) => ({ ...pod, metadata: { ...pod.metadata, annotations: {} } }),
      /lanyard.dev\/root-requester/,
    ],
  ])('%s', async (_name, change, field) => {
    const review = await validate(change(injected()))
    expect(review).toMatchObject({ result: 'refused', code: 403 })
    expect(messageOf(review)).toMatch(field)
  })
})
