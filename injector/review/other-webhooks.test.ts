import { describe, expect, test } from 'vitest'
import type { Container, EnvVar, Pod, Volume, VolumeMount } from '../../core/pods/pod.ts'
import {
  aContainer,
  anAdmissionRequest,
  aPod,
  POD_REVIEW,
} from '../../test/support/pod-builders.ts'
import { createRecordingChainClient } from '../../test/support/recording-chain-client.ts'
import type { Review } from '../admission/admission-review.ts'
import type { PatchOperation } from '../admission/json-patch.ts'
import { mutatePod, type PodReviewDeps, validatePod } from './review-pod.ts'

/*
 * Webhooks of others beside ours, as kube-apiserver runs them: in the order of their configurations'
 * names, and once more those that ask for it and whose object was changed after them
 * (apiserver/pkg/admission/plugin/webhook/mutating/dispatcher.go, v1.34).
 */

type Change = (pod: Pod) => Pod

const deps = (): PodReviewDeps => ({ ...POD_REVIEW, chains: createRecordingChainClient() })
const OURS = 'lanyard-injector'

const containers =
  (change: (container: Container) => Container): Change =>
  ({ spec, ...pod }) => ({
    ...pod,
    spec: {
      ...spec,
      ...(spec.initContainers === undefined
        ? {}
        : { initContainers: spec.initContainers.map(change) }),
      containers: spec.containers.map(change),
    },
  })
const all =
  (...changes: readonly Change[]): Change =>
  (pod) =>
    changes.reduce((changed, change) => change(changed), pod)
const env = (...added: readonly EnvVar[]): Change =>
  containers(({ env: own = [], ...rest }) => ({
    ...rest,
    env: [...own, ...added.filter(({ name }) => own.every((one) => one.name !== name))],
  }))
const envFirst = (added: EnvVar): Change =>
  containers(({ env: own = [], ...rest }) => ({
    ...rest,
    env: [added, ...own.filter(({ name }) => name !== added.name)],
  }))
const mount = (added: VolumeMount): Change =>
  containers(({ volumeMounts: own = [], ...rest }) => ({
    ...rest,
    volumeMounts: [...own.filter(({ mountPath }) => mountPath !== added.mountPath), added],
  }))
const volume =
  (added: Volume): Change =>
  ({ spec, ...pod }) => ({
    ...pod,
    spec: {
      ...spec,
      volumes: [...(spec.volumes ?? []).filter(({ name }) => name !== added.name), added],
    },
  })
const fields = (added: Readonly<Record<string, unknown>>): Change =>
  containers((container) => ({ ...container, ...added }))
const annotate =
  (key: string, value: string): Change =>
  ({ metadata, ...pod }) => ({
    ...pod,
    metadata: { ...metadata, annotations: { ...metadata.annotations, [key]: value } },
  })
/** A container that is made again each time, as most injectors do, before or after all others. */
const init =
  (place: 'first' | 'last', added: Container): Change =>
  ({ spec, ...pod }) => {
    const rest = (spec.initContainers ?? []).filter(({ name }) => name !== added.name)
    const initContainers = place === 'first' ? [added, ...rest] : [...rest, added]
    return { ...pod, spec: { ...spec, initContainers } }
  }
/** A container that is added once. */
const app =
  (added: Container): Change =>
  ({ spec, ...pod }) => ({
    ...pod,
    spec: {
      ...spec,
      containers: spec.containers.some(({ name }) => name === added.name)
        ? spec.containers
        : [...spec.containers, added],
    },
  })
const tokenFor = (name: string, audience: string): Volume => ({
  name,
  projected: { sources: [{ serviceAccountToken: { path: 'token', audience } }] },
})
const native = { restartPolicy: 'Always' }

const WEBHOOKS: readonly (readonly [string, string, Change])[] = [
  [
    'Amazon EKS, IRSA',
    'pod-identity-webhook',
    all(
      env(
        { name: 'AWS_ROLE_ARN', value: 'arn:aws:iam::1:role/x' },
        { name: 'AWS_WEB_IDENTITY_TOKEN_FILE', value: '/var/run/secrets/eks.amazonaws.com/x' },
        { name: 'AWS_STS_REGIONAL_ENDPOINTS', value: 'regional' },
      ),
      mount({
        name: 'aws-iam-token',
        mountPath: '/var/run/secrets/eks.amazonaws.com/serviceaccount',
        readOnly: true,
      }),
      volume(tokenFor('aws-iam-token', 'sts.amazonaws.com')),
    ),
  ],
  [
    'Amazon EKS, Pod Identity',
    'pod-identity-webhook',
    all(
      env({
        name: 'AWS_CONTAINER_CREDENTIALS_FULL_URI',
        value: 'http://169.254.170.23/v1/credentials',
      }),
      mount({
        name: 'eks-pod-identity-token',
        mountPath: '/var/run/secrets/pods.eks.amazonaws.com/serviceaccount',
        readOnly: true,
      }),
      volume(tokenFor('eks-pod-identity-token', 'pods.eks.amazonaws.com')),
    ),
  ],
  [
    'Azure workload identity',
    'azure-wi-webhook-mutating-webhook-configuration',
    all(
      env({ name: 'AZURE_CLIENT_ID', value: 'x' }, { name: 'AZURE_TENANT_ID', value: 'y' }),
      mount({
        name: 'azure-identity-token',
        mountPath: '/var/run/secrets/azure/tokens',
        readOnly: true,
      }),
      volume(tokenFor('azure-identity-token', 'api://AzureADTokenExchange')),
    ),
  ],
  [
    'Google workload identity federation',
    'workload-identity-webhook',
    all(
      env({ name: 'GOOGLE_APPLICATION_CREDENTIALS', value: '/var/run/gcp/config.json' }),
      mount({ name: 'gcp-ksa', mountPath: '/var/run/secrets/tokens/gcp-ksa', readOnly: true }),
      volume(tokenFor('gcp-ksa', 'identitynamespace:pool:provider')),
    ),
  ],
  [
    'Istio with a native sidecar',
    'istio-sidecar-injector',
    all(
      init('first', aContainer({ name: 'istio-init', image: 'proxyv2:1' })),
      init('first', aContainer({ name: 'istio-proxy', image: 'proxyv2:1', ...native })),
      volume(tokenFor('istio-token', 'istio-ca')),
      annotate('sidecar.istio.io/status', '{}'),
    ),
  ],
  [
    'Linkerd',
    'linkerd-proxy-injector-webhook-config',
    all(
      init('first', aContainer({ name: 'linkerd-init', image: 'proxy-init:2' })),
      init('last', aContainer({ name: 'linkerd-proxy', image: 'proxy:2', ...native })),
      volume(tokenFor('linkerd-identity-token', 'identity.l5d.io')),
    ),
  ],
  [
    'the Vault agent injector',
    'vault-agent-injector-cfg',
    all(
      init('first', aContainer({ name: 'vault-agent-init', image: 'vault:1' })),
      app(aContainer({ name: 'vault-agent', image: 'vault:1' })),
      mount({ name: 'vault-secrets', mountPath: '/vault/secrets' }),
      volume({ name: 'vault-secrets', emptyDir: { medium: 'Memory' } }),
    ),
  ],
  [
    'Datadog, with its variable first',
    'datadog-webhook',
    all(
      envFirst({
        name: 'DD_ENTITY_ID',
        valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } },
      }),
      mount({ name: 'datadog', mountPath: '/var/run/datadog', readOnly: true }),
      volume({ name: 'datadog', emptyDir: {} }),
    ),
  ],
  [
    'the OpenTelemetry operator',
    'opentelemetry-operator-mutation',
    all(
      env({ name: 'OTEL_SERVICE_NAME', value: 'x' }, { name: 'OTEL_NODE_IP', value: 'y' }),
      mount({
        name: 'opentelemetry-auto-instrumentation-java',
        mountPath: '/otel-auto-instrumentation-java',
      }),
      volume({ name: 'opentelemetry-auto-instrumentation-java', emptyDir: {} }),
      init('last', aContainer({ name: 'opentelemetry-auto-instrumentation-java' })),
    ),
  ],
  [
    'defaults by Kyverno',
    'kyverno-resource-mutating-webhook-cfg',
    all(
      fields({ imagePullPolicy: 'Always', terminationMessagePolicy: 'FallbackToLogsOnError' }),
      containers(({ securityContext, ...rest }) => ({
        ...rest,
        securityContext: { ...securityContext, appArmorProfile: { type: 'RuntimeDefault' } },
      })),
      annotate('policies.kyverno.io/last-applied-patches', 'x'),
    ),
  ],
  [
    'Gatekeeper, which assigns resources',
    'gatekeeper-mutating-webhook-configuration',
    fields({
      resources: {
        limits: { cpu: '1', memory: '256Mi' },
        requests: { cpu: '50m', memory: '64Mi' },
      },
    }),
  ],
  [
    'a registry mirror',
    'imageswap-webhook',
    containers(({ image = '', ...rest }) => ({
      ...rest,
      image: image.startsWith('mirror.example/') ? image : `mirror.example/${image}`,
    })),
  ],
  ['Dapr', 'dapr-sidecar-injector', app(aContainer({ name: 'daprd', image: 'daprd:1' }))],
  [
    'SPIFFE',
    'spire-webhook',
    all(
      env({ name: 'SPIFFE_ENDPOINT_SOCKET', value: 'unix:///spiffe/agent.sock' }),
      mount({ name: 'spiffe', mountPath: '/spiffe', readOnly: true }),
      volume({ name: 'spiffe', csi: { driver: 'csi.spiffe.io', readOnly: true } }),
    ),
  ],
  ['Jaeger', 'jaeger-operator-mutating', app(aContainer({ name: 'jaeger-agent', image: 'j:1' }))],
  [
    'a company proxy for every container',
    'zz-environment',
    env(
      { name: 'HTTPS_PROXY', value: 'http://proxy.example:3128' },
      { name: 'NO_PROXY', value: '.svc' },
    ),
  ],
  [
    'time zones',
    'k8tz',
    all(
      env({ name: 'TZ', value: 'Europe/Vienna' }),
      mount({ name: 'k8tz', mountPath: '/usr/share/zoneinfo', readOnly: true }),
      volume({ name: 'k8tz', emptyDir: {} }),
    ),
  ],
]

interface Other {
  readonly name: string
  readonly change: Change
  readonly reinvoked: boolean
}

/** Both mutating webhooks as kube-apiserver runs them; then what ours says at validation. */
async function admit(pod: Pod, other: Other, mirrors: PodReviewDeps['sidecar']['imageMirrors']) {
  const own = deps()
  const ready = { ...own, sidecar: { ...own.sidecar, imageMirrors: mirrors } }
  const ours = async (value: Pod) =>
    patched(value, await mutatePod(anAdmissionRequest({ object: value }), ready))
  const hooks = [
    { name: OURS, reinvoked: true, run: ours },
    { ...other, run: async (value: Pod) => other.change(value) },
  ].toSorted((one, two) => (one.name < two.name ? -1 : 1))
  let value = pod
  const seen = new Map<string, string>()
  for (const hook of hooks) {
    value = await hook.run(value)
    seen.set(hook.name, JSON.stringify(value))
  }
  for (const hook of hooks) {
    const changedSince = seen.get(hook.name) !== JSON.stringify(value)
    value = hook.reinvoked && changedSince ? await hook.run(value) : value
  }
  return {
    pod: value,
    review: await validatePod(anAdmissionRequest({ object: value }), ready),
  }
}

function patched(pod: Pod, review: Review): Pod {
  expect(review).toMatchObject({ result: 'patched' })
  const operations = ('patch' in review ? review.patch : []) as readonly PatchOperation[]
  const copy = structuredClone(pod) as unknown as Record<string, Record<string, unknown>>
  for (const { path, value } of operations) {
    const [, part = '', field = ''] = path.split('/')
    Object.assign(copy[part] ?? {}, { [field]: value })
  }
  return copy as unknown as Pod
}

const MIRRORS = [{ from: '', to: 'mirror.example/' }]
const TWO = aPod({
  initContainers: [aContainer({ name: 'setup' })],
  containers: [aContainer({ name: 'app' }), aContainer({ name: 'log' })],
})
const placed = (name: string, place: string) => `${place === 'before' ? 'a' : 'z'}-${name}`

describe.each(WEBHOOKS)('validatePod() beside %s', (_name, name, change) => {
  test.each([
    ['under its own name, called again', name, true],
    ['under its own name, called once', name, false],
    ['before ours, called again', placed(name, 'before'), true],
    ['before ours, called once', placed(name, 'before'), false],
    ['after ours, called again', placed(name, 'after'), true],
    ['after ours, called once', placed(name, 'after'), false],
  ])('admits the pod: %s', async (_title, at, reinvoked) => {
    const { pod, review } = await admit(TWO, { name: at, change, reinvoked }, MIRRORS)
    expect(review).toMatchObject({ result: 'allowed' })
    const sidecar = pod.spec.initContainers?.find((one) => one.name === 'lanyard-sidecar')
    expect(sidecar?.env).toContainEqual({
      name: 'LANYARD_UPSTREAM_URL',
      value: POD_REVIEW.sidecar.apiServerUrl,
    })
  })
})

describe('validatePod() refuses, and says who and what to do, when', () => {
  test.each<[string, Change, RegExp, RegExp]>([
    [
      'Datadog preloads a library everywhere',
      all(
        env({ name: 'LD_PRELOAD', value: '/opt/datadog/launcher.so' }),
        env({ name: 'DD_ENV', value: 'x' }),
      ),
      /env\[\d+\] was changed afterwards and LD_PRELOAD is read by the sidecar \(the dynamic loader/,
      /the webhook of Datadog; label the pod admission\.datadoghq\.com/,
    ],
    [
      'OpenTelemetry instruments every Node',
      all(
        env({ name: 'NODE_OPTIONS', value: '--require /otel/x.js' }),
        env({ name: 'OTEL_SERVICE_NAME', value: 'x' }),
      ),
      /NODE_OPTIONS is read by the sidecar/,
      /the OpenTelemetry operator; annotate the pod with instrumentation/,
    ],
    [
      'a mirror puts another image there',
      containers((one) => ({ ...one, image: 'elsewhere.example/x:1' })),
      /\.image was changed afterwards and is not the image of the sidecar/,
      /a name before lanyard-injector/,
    ],
    [
      'a policy takes memory away',
      fields({ resources: { limits: { memory: '64Mi' } } }),
      /resources\.limits\.memory is below 96Mi/,
      /a name before lanyard-injector/,
    ],
    [
      'a policy frees the sidecar',
      containers(({ securityContext: _, ...rest }) => rest),
      /securityContext/,
      /a name before lanyard-injector/,
    ],
    [
      'a mount covers what the sidecar wrote',
      all(mount({ name: 'x', mountPath: '/var/run' }), volume({ name: 'x', emptyDir: {} })),
      /overlaps \/var\/run\/lanyard of the sidecar/,
      /a name before lanyard-injector/,
    ],
    [
      'a container is added again each time',
      ({ spec, ...pod }) => ({
        ...pod,
        spec: {
          ...spec,
          containers: [
            ...spec.containers.filter((one) => one.name !== 'istio-proxy'),
            aContainer({ name: 'istio-proxy' }),
          ],
        },
      }),
      /KUBERNETES_SERVICE_HOST is missing: the container is not led to the sidecar/,
      /the webhook of Istio; give its MutatingWebhookConfiguration a name before lanyard-injector/,
    ],
    [
      'a container copies the mount of another without its folder',
      ({ spec, ...pod }) => ({
        ...pod,
        spec: {
          ...spec,
          containers: spec.containers.map((one) => ({
            ...one,
            volumeMounts: (one.volumeMounts ?? []).map(({ subPath: _, ...rest }) => ({
              ...rest,
            })) as VolumeMount[],
          })),
        },
      }),
      /volumeMounts\[0\] was changed afterwards and is not the container's own folder/,
      /a name before lanyard-injector/,
    ],
  ])('%s', async (_name, change, field, remedy) => {
    const other = { name: 'zz-last', change, reinvoked: true }
    const { review } = await admit(TWO, other, [])
    expect(review).toMatchObject({ result: 'refused' })
    expect(review).toHaveProperty('message', expect.stringMatching(field))
    expect(review).toHaveProperty('message', expect.stringMatching(remedy))
  })

  test('the same webhook comes before ours by name, nothing is refused', async () => {
    const change = env({ name: 'LD_PRELOAD', value: '/x.so' })
    const { review } = await admit(TWO, { name: 'a-first', change, reinvoked: true }, [])
    expect(review).toEqual({ result: 'allowed' })
  })
})

test('validatePod() warns of an init container that has no way to the API', async () => {
  const change = init('first', aContainer({ name: 'mesh-proxy', ...native }))
  const { pod, review } = await admit(TWO, { name: 'zz-mesh', change, reinvoked: true }, [])
  expect(pod.spec.initContainers?.[0]?.name).toBe('mesh-proxy')
  expect(review).toEqual({
    result: 'allowed',
    warnings: [expect.stringMatching(/^lanyard: the init container mesh-proxy was added after/)],
  })
})

describe('mutatePod() drops what a tenant writes for another webhook:', () => {
  test.each<[string, Container]>([
    ['environment', aContainer({ env: [{ name: 'AWS_ROLE_ARN', value: 'x' }] })],
    ['mounts', aContainer({ volumeMounts: [{ name: 'x', mountPath: '/x' }] })],
    ['resources', aContainer({ resources: { limits: { memory: '8Gi' } } })],
    ['an image of a mirror', aContainer({ image: 'mirror.example/lanyard-sidecar:1' })],
  ])('%s on a sidecar of the own', async (_name, forged) => {
    const own = { ...forged, name: 'lanyard-sidecar', ...native }
    const object = aPod({ initContainers: [own] })
    const pod = patched(object, await mutatePod(anAdmissionRequest({ object }), deps()))
    const plain = patched(aPod(), await mutatePod(anAdmissionRequest({ object: aPod() }), deps()))
    expect(pod.spec.initContainers).toEqual(plain.spec.initContainers)
  })
})
