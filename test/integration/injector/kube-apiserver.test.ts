import {
  AdmissionregistrationV1Api,
  CoreV1Api,
  type KubeConfig,
  PatchStrategy,
  RbacAuthorizationV1Api,
  setHeaderOptions,
  type V1Container,
  type V1MutatingWebhook,
  type V1Pod,
} from '@kubernetes/client-node'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { keepCaBundles } from '../../../control-plane/kubernetes/ca-bundles.ts'
import { createLogger } from '../../../platform/logger.ts'
import { type BareApiServer, startBareApiServer } from '../../support/bare-apiserver.ts'
import { findKube, findKubectl } from '../../support/find-kubernetes.ts'
import {
  type InjectorFixture,
  MUTATE,
  startInjectorFixture,
  VALIDATE,
} from '../../support/injector-fixture.ts'
import { leadToInjector, waitUntilAvailable } from '../../support/lead-to-injector.ts'
import { type OtherWebhook, startOtherWebhook } from '../../support/other-webhook.ts'
import { createKubectl } from '../../support/run-kubectl.ts'

/*
 * The webhooks behind a real kube-apiserver: with its defaults, its ServiceAccount admission, which
 * runs again after a webhook, its LimitRanger, Pod Security, and webhooks of others.
 */

const kube = findKube()
const FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount'

describe.skipIf(kube === undefined)('behind a real kube-apiserver', () => {
  let apiServer: BareApiServer
  let injector: InjectorFixture
  let admin: KubeConfig
  let core: CoreV1Api
  let alice: CoreV1Api
  let admission: AdmissionregistrationV1Api
  let others: OtherWebhook
  let keeper: { stop(): void } | undefined
  let namespace = ''
  let namespaces = 0

  beforeAll(async () => {
    apiServer = await startBareApiServer(kube ?? '')
    injector = await startInjectorFixture(
      { LANYARD_SIDECAR_CPU_LIMIT: '0.2', LANYARD_SIDECAR_MEMORY_LIMIT: '1024Mi' },
      apiServer.frontProxyCaPem,
    )
    injector.publishAuthority()
    others = await startOtherWebhook()
    admin = await apiServer.config('admin', 'system:masters')
    core = admin.makeApiClient(CoreV1Api)
    alice = (await apiServer.config('alice', 'developers')).makeApiClient(CoreV1Api)
    admission = admin.makeApiClient(AdmissionregistrationV1Api)
    // The parts of the role `edit`, which no controller puts together here.
    const name = 'system:aggregate-to-edit'
    await admin.makeApiClient(RbacAuthorizationV1Api).createClusterRoleBinding({
      body: {
        metadata: { name: 'alice' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'alice' }],
      },
    })
    await vi.waitFor(
      async () => expect((await injector.health('/readyz')).status).toBe(200),
      20_000,
    )
    await leadToInjector(admin, injector)
    keeper = keepCaBundles(
      admin,
      injector.authorityPem,
      createLogger({ name: 'test', level: 'error' }),
    )
    await waitUntilAvailable(admin)
    await registerWebhooks(admission, others)
  }, 120_000)

  afterAll(async () => {
    keeper?.stop()
    await others?.close()
    await injector?.close()
    await apiServer?.close()
  })

  beforeEach(async () => {
    namespaces += 1
    namespace = `team-${namespaces}`
    await openNamespace({})
  })

  afterEach(async () => {
    others.change = undefined
  })

  async function openNamespace(labels: Readonly<Record<string, string>>): Promise<void> {
    const name = namespace
    const metadata = { name, labels: { 'lanyard.dev/injection': 'enabled', ...labels } }
    await core.createNamespace({ body: { metadata } })
    await core.createNamespacedServiceAccount({
      namespace,
      body: { metadata: { name: 'default' } },
    })
  }

  const create = (spec: Partial<V1Pod['spec']>, metadata: V1Pod['metadata'] = { name: 'p' }) =>
    alice.createNamespacedPod({ namespace, body: aPod(spec, metadata) })

  function expectInjected(pod: V1Pod): void {
    const [sidecar, ...rest] = pod.spec?.initContainers ?? []
    expect(sidecar?.name).toBe('lanyard-sidecar')
    expect(pod.spec?.automountServiceAccountToken).toBe(false)
    expect(JSON.stringify(pod.spec)).not.toContain('kube-api-access-')
    for (const container of [...rest, ...(pod.spec?.containers ?? [])]) {
      expect(container.env?.[0]).toEqual({ name: 'KUBERNETES_SERVICE_HOST', value: '127.0.0.1' })
      expect(container.volumeMounts?.[0]).toMatchObject({
        name: 'lanyard-run',
        mountPath: FOLDER,
        subPath: `containers/${container.name}`,
      })
      expect(JSON.stringify(container)).not.toContain('lanyard-api-token')
    }
  }

  test('a pod is stored injected, and bound to who created it', async () => {
    const pod = await create({ initContainers: [aContainer('setup')] })
    expectInjected(pod)
    const binding = await injector.store.bindings.find(pod.metadata?.uid ?? '')
    expect(binding?.chain.rootRequester).toMatchObject({ username: 'alice' })
    expect(binding?.chain.actors).toMatchObject([{ namespace, name: 'p' }])
  })

  test('a pod without a name of its own is bound under the one that it got', async () => {
    const pod = await create({}, { generateName: 'made-' })
    const binding = await injector.store.bindings.find(pod.metadata?.uid ?? '')
    expect(binding?.chain.actors[0]?.name).toMatch(/^made-.{5}$/)
  })

  test('a dry run is admitted and leaves nothing', async () => {
    const before = await core.listNamespacedPod({ namespace })
    const body = aPod({}, { name: 'dry' })
    const pod = await alice.createNamespacedPod({ namespace, body, dryRun: 'All' })
    expectInjected(pod)
    expect(await injector.store.bindings.find(pod.metadata?.uid ?? '')).toBeUndefined()
    expect(before.items).toEqual([])
  })

  test('a pod that asks for no credential gets none', async () => {
    const pod = await create({ automountServiceAccountToken: false })
    const [container] = pod.spec?.containers ?? []
    expect(container?.volumeMounts).toBeUndefined()
    expect(container?.env?.[0]).toEqual({ name: 'KUBERNETES_SERVICE_HOST', value: '127.0.0.1' })
    const body = { metadata: { name: 'quiet' }, automountServiceAccountToken: false }
    await core.createNamespacedServiceAccount({ namespace, body })
    const quiet = await create({ serviceAccountName: 'quiet' }, { name: 'quiet' })
    expect(quiet.spec?.containers[0]?.volumeMounts).toBeUndefined()
    expect(await injector.store.bindings.find(quiet.metadata?.uid ?? '')).toBeDefined()
  })

  test.each<[string, object, object]>([
    [
      'just enough for its containers',
      { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '128Mi' } },
      { requests: { cpu: '110m', memory: '192Mi' }, limits: { memory: '1Gi' } },
    ],
    [
      // Up to 1.36 its requests are the limits, from 1.37 on those of its containers.
      'limits alone, which are the requests of its containers',
      { limits: { cpu: '100m', memory: '128Mi' } },
      { limits: { cpu: '200m', memory: '1Gi' } },
    ],
    [
      'enough for the sidecar too',
      { requests: { cpu: '1', memory: '512Mi' }, limits: { memory: '2Gi' } },
      { requests: { cpu: '1', memory: '512Mi' }, limits: { memory: '2Gi' } },
    ],
  ])('a pod that takes %s as a whole is admitted with room', async (_name, resources, want) => {
    const own = { requests: { cpu: '100m', memory: '128Mi' } }
    const containers = [{ ...aContainer('app'), resources: own }]
    const pod = await create({ containers, resources })
    expectInjected(pod)
    expect(pod.spec?.resources).toMatchObject(want)
  })

  test('a copy of an injected pod is injected as it was', async () => {
    const { spec, metadata } = await create({})
    const { nodeName: _, ...rest } = spec as NonNullable<V1Pod['spec']>
    const annotations = { ...metadata?.annotations, 'lanyard.dev/root-requester': 'cluster-admin' }
    const copy = await create(rest, { name: 'copy', annotations })
    expect(copy.spec).toEqual(spec)
    expect(copy.metadata?.annotations?.['lanyard.dev/root-requester']).toBe('alice')
  })

  test('a pod passes the restricted Pod Security Standard', async () => {
    namespace = `${namespace}-restricted`
    await openNamespace({ 'pod-security.kubernetes.io/enforce': 'restricted' })
    const securityContext = {
      runAsNonRoot: true,
      runAsUser: 1_000,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    }
    expectInjected(await create({ containers: [{ ...aContainer('app'), securityContext }] }))
  })

  test('a pod is admitted where limits have defaults and a maximum', async () => {
    const limits = [
      {
        type: 'Container',
        _default: { cpu: '500m', memory: '256Mi' },
        defaultRequest: { cpu: '100m', memory: '128Mi' },
        max: { cpu: '1', memory: '1Gi' },
      },
    ]
    const body = { metadata: { name: 'l' }, spec: { limits } }
    await core.createNamespacedLimitRange({ namespace, body })
    await vi.waitFor(async () => {
      const pod = await create({}, { generateName: 'limited-' })
      expect(pod.spec?.containers[0]?.resources?.limits).toEqual({ cpu: '500m', memory: '256Mi' })
      expectInjected(pod)
    }, 10_000)
  })

  test('a container that another webhook adds afterwards is injected too', async () => {
    others.change = (pod) =>
      pod.spec?.containers.length === 1
        ? [{ op: 'add', path: '/spec/containers/-', value: aContainer('late') }]
        : []
    const pod = await create({})
    expect(pod.spec?.containers.map(({ name }) => name)).toEqual(['app', 'late'])
    expectInjected(pod)
  })

  test.each<[string, unknown]>([
    ['mounts the real token', { name: 'lanyard-api-token', mountPath: '/stolen' }],
    [
      'mounts the folder of another container',
      { name: 'lanyard-run', mountPath: '/stolen', subPath: 'containers/other' },
    ],
  ])('a webhook that %s gets the pod refused', async (_name, value) => {
    // Also at the second call, after injection has run again.
    others.change = () => [{ op: 'add', path: '/spec/containers/0/volumeMounts/-', value }]
    await expect(create({})).rejects.toThrow(/mounts Lanyard's volume/)
    expect((await core.listNamespacedPod({ namespace })).items).toEqual([])
  })

  test('a webhook that exchanges the sidecar gets the pod refused', async () => {
    others.change = (pod) =>
      pod.spec?.initContainers?.[0]?.name === 'lanyard-sidecar'
        ? [{ op: 'replace', path: '/spec/initContainers/0/image', value: 'attacker:1' }]
        : []
    await expect(create({})).rejects.toThrow(
      /spec.initContainers\[0\].image was changed afterwards and is not the image of the sidecar/,
    )
  })

  test.each<[string, (pod: V1Pod) => readonly object[]]>([
    [
      'gives every container a cloud identity',
      (pod) => [
        { op: 'add', path: '/spec/volumes/-', value: { name: 'aws-iam-token', emptyDir: {} } },
        ...(pod.spec?.initContainers ?? []).flatMap((_container, index) => [
          {
            op: 'add',
            path: `/spec/initContainers/${index}/env/-`,
            value: { name: 'AWS_ROLE_ARN', value: 'arn:aws:iam::1:role/x' },
          },
          {
            op: 'add',
            path: `/spec/initContainers/${index}/volumeMounts/-`,
            value: { name: 'aws-iam-token', mountPath: '/var/run/secrets/eks.amazonaws.com' },
          },
        ]),
      ],
    ],
    [
      'puts a variable first',
      () => [
        {
          op: 'add',
          path: '/spec/containers/0/env/0',
          value: { name: 'DD_ENTITY_ID', value: 'x' },
        },
      ],
    ],
    [
      'has defaults of its own',
      () => [
        {
          op: 'replace',
          path: '/spec/initContainers/0/terminationMessagePolicy',
          value: 'FallbackToLogsOnError',
        },
        { op: 'replace', path: '/spec/initContainers/0/imagePullPolicy', value: 'Always' },
      ],
    ],
  ])('a webhook that %s is no obstacle', async (_name, change) => {
    // Once a round, as those do that look first.
    let left = 2
    others.change = (pod) => {
      left -= 1
      return left >= 0 && pod.spec?.volumes?.every(({ name }) => name !== 'aws-iam-token')
        ? change(pod)
        : []
    }
    const pod = await create({})
    expect(await injector.store.bindings.find(pod.metadata?.uid ?? '')).toBeDefined()
  })

  test('a proxy of another webhook that starts first is no obstacle, and is told of', async () => {
    others.change = (pod) => [
      ...(pod.spec?.initContainers?.[0]?.name === 'mesh-proxy'
        ? [{ op: 'remove', path: '/spec/initContainers/0' }]
        : []),
      ...((pod.spec?.initContainers?.length ?? 0) > 1 &&
      pod.spec?.initContainers?.[1]?.name === 'mesh-proxy'
        ? [{ op: 'remove', path: '/spec/initContainers/1' }]
        : []),
      { op: 'add', path: '/spec/initContainers/0', value: aContainer('mesh-proxy') },
    ]
    const pod = await create({})
    expect(pod.spec?.initContainers?.map(({ name }) => name)).toEqual([
      'mesh-proxy',
      'lanyard-sidecar',
    ])
  })

  test('a token by hand where clients look is led to the sidecar', async () => {
    const pod = await create(HARDENED)
    expectInjected(pod)
    expect(JSON.stringify(pod.spec?.volumes)).not.toContain('by-hand')
  })

  test.each<[string, Partial<V1Pod['spec']>, Partial<V1Container>]>([
    ['nothing', {}, {}],
    ['that it wants a token', { automountServiceAccountToken: true }, {}],
    ['that it wants none', { automountServiceAccountToken: false }, {}],
    [
      'where the API server is',
      {},
      {
        env: [
          { name: 'KUBERNETES_SERVICE_HOST', value: 'kubernetes.default.svc' },
          { name: 'A', value: 'b' },
        ],
      },
    ],
    [
      'which hosts have no proxy',
      {},
      {
        env: [
          { name: 'HTTPS_PROXY', value: 'http://proxy.example:3128' },
          { name: 'NO_PROXY', value: '10.0.0.0/8' },
        ],
      },
    ],
    [
      'that a ConfigMap knows which',
      {},
      {
        env: [
          { name: 'NO_PROXY', valueFrom: { configMapKeyRef: { name: 'proxy', key: 'except' } } },
        ],
      },
    ],
    ['that a ConfigMap knows the environment', {}, { envFrom: [{ configMapRef: { name: 'x' } }] }],
    [
      'a token by hand',
      {
        automountServiceAccountToken: false,
        volumes: [
          {
            name: 'by-hand',
            projected: { sources: [{ serviceAccountToken: { path: 'token' } }] },
          },
        ],
      },
      { volumeMounts: [{ name: 'by-hand', mountPath: FOLDER, readOnly: true }] },
    ],
    [
      'a token by hand at a path of its own',
      HARDENED,
      { volumeMounts: [{ name: 'by-hand', mountPath: '/etc/cluster', readOnly: true }] },
    ],
  ])('a manifest that says %s is applied twice', async (_name, spec, container) => {
    const kubeconfig = await apiServer.kubeconfig('admin', 'system:masters')
    await using kubectl = await createKubectl(findKubectl() ?? '', kubeconfig)
    const containers = [{ ...aContainer('app'), ...container }]
    for (const flags of [[], ['--server-side']]) {
      const name = `twice${flags.length}`
      const manifest = JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace },
        spec: { ...spec, initContainers: [aContainer('setup')], containers },
      })
      await kubectl.run(['apply', ...flags, '-f', '-'], manifest)
      const first = await core.readNamespacedPod({ name, namespace })
      expect(await kubectl.run(['apply', ...flags, '-f', '-'], manifest)).toMatch(
        /unchanged|configured|serverside-applied/,
      )
      const second = await core.readNamespacedPod({ name, namespace })
      expect(second.spec).toEqual(first.spec)
    }
  })

  test.each<[string, Partial<V1Pod['spec']>, RegExp]>([
    ['hostNetwork', { hostNetwork: true }, /hostNetwork/],
    ['a shared process namespace', { shareProcessNamespace: true }, /shareProcessNamespace/],
    [
      'a folder of the node',
      { volumes: [{ name: 'v', hostPath: { path: '/opt/x' } }] },
      /mounts \/opt\/x of the node/,
    ],
    [
      'a token of its own',
      {
        volumes: [{ name: 'v', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } }],
      },
      /projects a service account token/,
    ],
    [
      'a token for the audience of the API server',
      {
        volumes: [
          {
            name: 'v',
            projected: {
              sources: [
                { serviceAccountToken: { path: 't', audience: 'https://oidc.example/id/1' } },
              ],
            },
          },
        ],
      },
      /projects a service account token/,
    ],
    ['a sidecar of its own', { containers: [aContainer('lanyard-sidecar')] }, /Lanyard's own/],
  ])('a pod with %s is refused in words', async (_name, spec, message) => {
    await expect(create(spec)).rejects.toThrow(message)
  })

  test.each<[string, object, RegExp]>([
    ['targets the sidecar', { targetContainerName: 'lanyard-sidecar' }, /reaches into/],
    [
      'mounts the real token',
      { volumeMounts: [{ name: 'lanyard-api-token', mountPath: '/x' }] },
      /mounts Lanyard's volume/,
    ],
    [
      'mounts what all containers got',
      { volumeMounts: [{ name: 'lanyard-run', mountPath: FOLDER }] },
      /mounts Lanyard's volume/,
    ],
    [
      'may redirect packets',
      { securityContext: { capabilities: { add: ['NET_ADMIN'] } } },
      /NET_ADMIN/,
    ],
  ])('an ephemeral container that %s is refused', async (_name, fields, message) => {
    await create({})
    const container = { name: 'debug', image: 'busybox', ...fields }
    const added = core.patchNamespacedPodEphemeralcontainers(
      { name: 'p', namespace, body: { spec: { ephemeralContainers: [container] } } },
      setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch),
    )
    await expect(added).rejects.toThrow(message)
  })

  test.each([
    ['beside the app', {}],
    [
      'that may trace the processes of the app',
      { securityContext: { capabilities: { add: ['SYS_PTRACE'] } } },
    ],
  ])('an ephemeral container %s is admitted', async (_name, fields) => {
    await create({})
    const container = { name: 'debug', image: 'busybox', targetContainerName: 'app', ...fields }
    const pod = await core.patchNamespacedPodEphemeralcontainers(
      { name: 'p', namespace, body: { spec: { ephemeralContainers: [container] } } },
      setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch),
    )
    expect(pod.spec?.ephemeralContainers).toHaveLength(1)
  })
})

/** As cert-manager's chart has it. */
const HARDENED: Partial<V1Pod['spec']> = {
  automountServiceAccountToken: false,
  containers: [
    {
      ...aContainer('app'),
      volumeMounts: [{ name: 'by-hand', mountPath: FOLDER, readOnly: true }],
    },
  ],
  volumes: [
    {
      name: 'by-hand',
      projected: {
        defaultMode: 0o444,
        sources: [
          { serviceAccountToken: { expirationSeconds: 3_607, path: 'token' } },
          { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
          {
            downwardAPI: {
              items: [
                {
                  path: 'namespace',
                  fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' },
                },
              ],
            },
          },
        ],
      },
    },
  ],
}

function aContainer(name: string): V1Container {
  return { name, image: 'busybox:1' }
}

function aPod(spec: Partial<V1Pod['spec']>, metadata: V1Pod['metadata']): V1Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    ...(metadata === undefined ? {} : { metadata }),
    spec: { containers: [aContainer('app')], ...spec },
  }
}

/** As the chart registers them. */
async function registerWebhooks(
  admission: AdmissionregistrationV1Api,
  others: OtherWebhook,
): Promise<void> {
  const clientConfig = (path: string) => ({
    service: { namespace: 'default', name: 'kubernetes', port: 443, path },
  })
  const shared = {
    admissionReviewVersions: ['v1'],
    failurePolicy: 'Fail',
    namespaceSelector: { matchLabels: { 'lanyard.dev/injection': 'enabled' } },
  }
  const pods = { apiGroups: [''], apiVersions: ['v1'] }
  const creation = { ...pods, operations: ['CREATE'], resources: ['pods'] }
  const inject: V1MutatingWebhook = {
    ...shared,
    name: 'inject.lanyard.dev',
    sideEffects: 'None',
    reinvocationPolicy: 'IfNeeded',
    clientConfig: clientConfig(MUTATE),
    rules: [creation],
  }
  const restore: V1MutatingWebhook = {
    ...inject,
    name: 'restore.lanyard.dev',
    rules: [{ ...creation, operations: ['UPDATE'] }],
    matchConditions: [{ name: 'changes-the-spec', expression: 'object.spec != oldObject.spec' }],
  }
  await admission.createMutatingWebhookConfiguration({
    body: { metadata: { name: 'lanyard-injector' }, webhooks: [inject, restore] },
  })
  // Webhooks are called in the order of their configurations' names.
  const other: V1MutatingWebhook = {
    ...inject,
    name: 'other.webhook.example',
    clientConfig: { url: others.url, caBundle: others.caBundle },
  }
  await admission.createMutatingWebhookConfiguration({
    body: { metadata: { name: 'other' }, webhooks: [other] },
  })
  const ephemeral = { ...pods, operations: ['UPDATE'], resources: ['pods/ephemeralcontainers'] }
  const bind = {
    ...shared,
    name: 'bind.lanyard.dev',
    sideEffects: 'NoneOnDryRun',
    clientConfig: clientConfig(VALIDATE),
    rules: [creation, ephemeral],
  }
  await admission.createValidatingWebhookConfiguration({
    body: { metadata: { name: 'lanyard-injector' }, webhooks: [bind] },
  })
}
