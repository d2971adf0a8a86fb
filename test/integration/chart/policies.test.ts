import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import {
  AdmissionregistrationV1Api,
  AppsV1Api,
  CoreV1Api,
  CustomObjectsApi,
  type KubeConfig,
  PatchStrategy,
  RbacAuthorizationV1Api,
  setHeaderOptions,
  type V1ControllerRevision,
  type V1PodSpec,
} from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { chosenKubernetes } from '../../cluster/kubernetes-versions.ts'
import { type BareApiServer, startBareApiServer } from '../../support/bare-apiserver.ts'
import { findHelm, findKube } from '../../support/find-kubernetes.ts'

/* What the chart's admission policies hold by themselves, when somebody has deleted the webhooks. */

const CHART = resolve(import.meta.dirname, '../../../deploy/chart')
const kube = findKube()
/** Before the resources of a whole pod can be changed. */
const isOld = ['1.30', '1.34'].includes(chosenKubernetes())
const helm = findHelm()
const AUDIENCE = 'lanyard-control-plane'
const namespace = 'team'
const MERGE = setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch)

const sidecar = { name: 'lanyard-sidecar', image: 'lanyard-sidecar:1', restartPolicy: 'Always' }
const env = [{ name: 'KUBERNETES_SERVICE_HOST', value: '127.0.0.1' }]
const app = { name: 'app', image: 'busybox:1', env }
const token = { expirationSeconds: 3_607, path: 'token' }
const projects = (name: string, audience?: string) => ({
  name,
  projected: {
    sources: [{ serviceAccountToken: audience === undefined ? token : { ...token, audience } }],
  },
})
/** As injection makes it, as far as the policies look. */
const spec: V1PodSpec = {
  automountServiceAccountToken: false,
  initContainers: [sidecar],
  containers: [app],
  volumes: [projects('lanyard-api-token'), projects('lanyard-control-plane-token', AUDIENCE)],
}

describe.skipIf(kube === undefined || helm === undefined)('in an opted-in namespace', () => {
  let apiServer: BareApiServer
  let folder: string
  let admin: KubeConfig
  let core: CoreV1Api

  beforeAll(async () => {
    apiServer = await startBareApiServer(kube ?? '')
    folder = await mkdtemp(join(tmpdir(), 'lanyard-policies-'))
    admin = await apiServer.config('admin', 'system:masters')
    core = admin.makeApiClient(CoreV1Api)
    await writeFile(join(folder, 'admin'), await apiServer.kubeconfig('admin', 'system:masters'))
    await promisify(execFile)(
      helm ?? '',
      [
        ...['install', 'lanyard', CHART, '--namespace', 'lanyard-system', '--create-namespace'],
        ...['--kubeconfig', join(folder, 'admin')],
      ],
      { env: { ...process.env, HOME: folder } },
    )
    const admission = admin.makeApiClient(AdmissionregistrationV1Api)
    const name = 'lanyard-injector'
    await admission.deleteMutatingWebhookConfiguration({ name })
    await admission.deleteValidatingWebhookConfiguration({ name })
    for (const [opened, labels] of [
      [namespace, { 'lanyard.dev/injection': 'enabled' }],
      ['open', {}],
    ] as const) {
      await core.createNamespace({ body: { metadata: { name: opened, labels } } })
      await core.createNamespacedServiceAccount({
        namespace: opened,
        body: { metadata: { name: 'default' } },
      })
    }
    // As the control plane publishes it.
    await core.createNamespacedConfigMap({
      namespace: 'lanyard-system',
      body: {
        metadata: { name: 'lanyard-ca' },
        data: {
          'ca.crt': 'x',
          'api-audiences': 'https://kubernetes.default.svc\nhttps://issuer.example',
        },
      },
    })
    // Policies are compiled some time after they are stored.
    const body = { metadata: { name: 'early' }, spec: { containers: spec.containers } }
    const early = () => core.createNamespacedPod({ namespace, dryRun: 'All', body })
    await vi.waitFor(() => expect(early()).rejects.toThrow(/was not injected/), 30_000)
    const annotations = { 'lanyard.dev/root-requester': 'alice', other: 'x' }
    await create('p', spec, annotations)
  }, 120_000)

  afterAll(async () => {
    await apiServer?.close()
    await rm(folder, { recursive: true, force: true })
  })

  const create = (name: string, pod: V1PodSpec, annotations = {}, where = namespace) =>
    core.createNamespacedPod({
      namespace: where,
      body: { metadata: { name, annotations }, spec: pod },
    })

  test.each<[string, V1PodSpec]>([
    ['no sidecar', { ...spec, initContainers: [] }],
    ['a sidecar among the others', { containers: [{ ...sidecar }] }],
    [
      'a sidecar that ends before the others start',
      { ...spec, initContainers: [{ name: sidecar.name, image: sidecar.image }] },
    ],
  ])('a pod with %s is refused', async (_name, pod) => {
    await expect(create('bad', pod)).rejects.toThrow(/the pod was not injected/)
  })

  test.each<[string, Partial<V1PodSpec>, RegExp]>([
    ['a token of its own', { automountServiceAccountToken: true }, /automountServiceAccountToken/],
    [
      'a container that talks to the API server itself',
      { containers: [app, { ...app, name: 'second', env: [] }] },
      /not told to talk to the sidecar/,
    ],
    [
      'an address from elsewhere',
      {
        containers: [
          {
            ...app,
            env: [
              {
                ...{ name: 'KUBERNETES_SERVICE_HOST' },
                valueFrom: { configMapKeyRef: { name: 'x', key: 'y' } },
              },
            ],
          },
        ],
      },
      /not told to talk to the sidecar/,
    ],
    [
      'an init container that talks to the API server itself',
      {
        initContainers: [
          sidecar,
          { ...app, name: 'setup', env: [{ name: 'KUBERNETES_SERVICE_HOST', value: '10.96.0.1' }] },
        ],
      },
      /not told to talk to the sidecar/,
    ],
    [
      'a container that mounts the token of the sidecar',
      { containers: [{ ...app, volumeMounts: [{ name: 'lanyard-api-token', mountPath: '/t' }] }] },
      /only the sidecar mounts/,
    ],
    ['a projected token', { volumes: [projects('mine')] }, /projects a token/],
    ['a token for Lanyard', { volumes: [projects('mine', AUDIENCE)] }, /projects a token/],
    ['a token for the API', { volumes: [projects('mine', 'api')] }, /projects a token/],
  ])('a pod with %s is refused', async (_name, fields, message) => {
    await expect(create('bad', { ...spec, ...fields })).rejects.toThrow(message)
  })

  test.each<[string, Partial<V1PodSpec>]>([
    ['a proxy that starts first', { initContainers: [{ name: 'mesh', image: 'mesh:1' }, sidecar] }],
    [
      'a variable before the address',
      { containers: [{ ...app, env: [{ name: 'DD_ENTITY_ID', value: 'x' }, ...env] }] },
    ],
  ])('a pod is admitted that another webhook gave %s', async (_name, fields) => {
    const pod = await core.createNamespacedPod({
      namespace,
      body: { metadata: { generateName: 'other-' }, spec: { ...spec, ...fields } },
    })
    expect(pod.metadata?.name).toMatch(/^other-/)
  })

  test('a pod with a token for another service is admitted', async () => {
    const volumes = [
      ...(spec.volumes ?? []),
      projects('vault', 'vault'),
      { name: 'v', emptyDir: {} },
    ]
    const containers = [{ ...app, volumeMounts: [{ name: 'vault', mountPath: '/vault' }] }]
    const initContainers = [sidecar, { ...app, name: 'setup' }]
    const pod = await create('vault', { ...spec, containers, initContainers, volumes })
    expect(pod.metadata?.name).toBe('vault')
  })

  test.each(['pods/binding', 'bindings'])('a hint by way of %s is refused', async (by) => {
    const where = { name: 'p', namespace }
    const bind = (annotations: Record<string, string>) => {
      const metadata = { name: 'p', annotations }
      const body = { metadata, target: { kind: 'Node', name: 'n1' } }
      return by === 'bindings'
        ? core.createNamespacedBinding({ namespace, body })
        : core.createNamespacedPodBinding({ ...where, body })
    }
    await expect(bind({ 'lanyard.dev/root-requester': 'admin' })).rejects.toThrow(/Lanyard's own/)
    const { spec: stored } = await core.readNamespacedPod(where)
    expect(stored?.nodeName).toBeUndefined()
  })

  describe('a ControllerRevision', () => {
    const revision = (name: string) => ({
      metadata: { name, labels: { a: 'b' } },
      revision: 1,
      data: { spec: { template: {} } },
    })
    const apps = async (user: string) =>
      (await apiServer.config(user, 'system:masters')).makeApiClient(AppsV1Api)
    const accounts = 'system:serviceaccount:kube-system'

    test.each([
      'system:kube-controller-manager',
      `${accounts}:statefulset-controller`,
      `${accounts}:daemon-set-controller`,
    ])('of %s is admitted, and what others would make of it is not', async (user) => {
      const name = `r-${user.split(':').at(-1)}`
      const theirs = await apps(user)
      await theirs.createNamespacedControllerRevision({ namespace, body: revision(name) })
      const change = (body: object) => ({ name, namespace, body })
      await theirs.patchNamespacedControllerRevision(change({ revision: 2 }), MERGE)
      const labels = { metadata: { labels: { a: 'c' } } }
      const others = (await apps('admin')).patchNamespacedControllerRevision(change(labels), MERGE)
      await expect(others).rejects.toThrow(/that nothing controls/)
      const collector = await apps(`${accounts}:generic-garbage-collector`)
      const owners = { metadata: { ownerReferences: null } }
      await collector.patchNamespacedControllerRevision(change(owners), MERGE)
      await (await apps('admin')).deleteNamespacedControllerRevision({ name, namespace })
    })

    const uid = '11111111-2222-3333-4444-555555555555'
    const ownedBy = (apiVersion: string, kind: string, controller = true) => {
      const body = revision(`of-${kind.toLowerCase()}`)
      const ownerReferences = [{ apiVersion, kind, name: 'x', uid, controller }]
      return { ...body, metadata: { ...body.metadata, ownerReferences } }
    }

    test.each([
      'admin',
      'system:serviceaccount:team:statefulset-controller',
      `${accounts}:job-controller`,
    ])('of a set, or of nothing, by %s is refused', async (user) => {
      const theirs = await apps(user)
      const create = (body: V1ControllerRevision) =>
        theirs.createNamespacedControllerRevision({ namespace, body })
      for (const kind of ['StatefulSet', 'DaemonSet']) {
        for (const version of ['apps/v1', 'apps/v1beta2']) {
          await expect(create(ownedBy(version, kind))).rejects.toThrow(
            /only their controllers write/,
          )
        }
        const beside = ownedBy('apps/v1', kind, false)
        await expect(create(beside)).rejects.toThrow(/only their controllers write/)
      }
      await expect(create(revision('forged'))).rejects.toThrow(/that nothing controls/)
      const held = ownedBy('apps.kruise.io/v1alpha1', 'CloneSet', false)
      await expect(create(held)).rejects.toThrow(/that nothing controls/)
      const elsewhere = { namespace: 'open', body: revision(`of-${user.length}`) }
      await theirs.createNamespacedControllerRevision(elsewhere)
    })

    test('of an operator’s own kind is made and changed, and cannot be let go', async () => {
      const operator = await apps('system:serviceaccount:kruise:manager')
      const body = ownedBy('apps.kruise.io/v1alpha1', 'CloneSet')
      const { name } = body.metadata
      await operator.createNamespacedControllerRevision({ namespace, body })
      const change = (part: object) =>
        operator.patchNamespacedControllerRevision({ name, namespace, body: part }, MERGE)
      expect((await change({ revision: 2 })).revision).toBe(2)
      const free = { metadata: { ownerReferences: [{ $patch: 'delete', uid }] } }
      await expect(change(free)).rejects.toThrow(/that nothing controls/)
      const taken = [{ ...ownedBy('apps/v1', 'StatefulSet').metadata.ownerReferences[0], uid: 'b' }]
      const both = { metadata: { ownerReferences: [...taken, { $patch: 'delete', uid }] } }
      await expect(change(both)).rejects.toThrow(/only their controllers write/)
    })
  })

  test('the image of another container may be changed: the webhook keeps who did it', async () => {
    await create('swapped', spec)
    const body = { spec: { containers: [{ name: 'app', image: 'nop:1' }] } }
    const patched = await core.patchNamespacedPod({ name: 'swapped', namespace, body }, MERGE)
    expect(patched.spec?.containers[0]?.image).toBe('nop:1')
  })

  test('a resize in place leaves the sidecar its memory', async () => {
    const resources = (memory: string) => ({ limits: { memory }, requests: { memory } })
    const closed = { ...sidecar, resources: resources('160Mi') }
    const open = { ...app, resources: resources('64Mi') }
    await create('resized', { ...spec, initContainers: [closed], containers: [open] })
    const resize = (part: object) =>
      core.patchNamespacedPodResize({ name: 'resized', namespace, body: { spec: part } }, MERGE)
    await resize({ containers: [{ name: 'app', resources: resources('32Mi') }] })
    const starved = { name: 'lanyard-sidecar', resources: resources('16Mi') }
    await expect(resize({ initContainers: [starved] })).rejects.toThrow(
      /memory limit is not lowered/,
    )
    await resize({ initContainers: [{ ...starved, resources: resources('200Mi') }] })
  })

  test.skipIf(isOld)('a resize of the whole pod leaves the sidecar its memory', async () => {
    const resources = (memory: string) => ({ limits: { memory }, requests: { memory } })
    const closed = { ...sidecar, resources: resources('160Mi') }
    const whole = { ...spec, initContainers: [closed], resources: resources('512Mi') }
    await create('resized-whole', whole)
    const resize = (memory: string) => {
      const body = { spec: { resources: resources(memory) } }
      return core.patchNamespacedPodResize({ name: 'resized-whole', namespace, body }, MERGE)
    }
    const grown = await resize('640Mi')
    expect(grown.spec?.resources?.limits).toEqual({ memory: '640Mi' })
    expect(grown.spec?.initContainers?.[0]?.resources?.limits).toEqual({ memory: '160Mi' })
    await expect(resize('128Mi')).rejects.toThrow(
      /must be greater than or equal to|less than or equal/,
    )
  })

  describe('a ChainRevocation', () => {
    const custom = () => admin.makeApiClient(CustomObjectsApi)
    const kind = { group: 'lanyard.dev', version: 'v1alpha1', plural: 'chainrevocations' }
    const revoke = (parts: object) => {
      const principal = { kind: 'User', name: 'alice' }
      const spec = { principal, reason: 'left', revokedBy: 'admin', ...parts }
      const metadata = { generateName: 'r-' }
      const body = { apiVersion: 'lanyard.dev/v1alpha1', kind: 'ChainRevocation', metadata, spec }
      return custom().createClusterCustomObject({ ...kind, body })
    }

    test.each<[string, object, RegExp]>([
      ['of somebody else', { revokedBy: 'bob' }, /write admin/],
      ['of a group', { principal: { kind: 'Group', name: 'x' } }, /Unsupported value/],
      [
        'of an account without a namespace',
        { principal: { kind: 'ServiceAccount', name: 'x' } },
        /needs a namespace/,
      ],
      ['without a reason', { reason: '' }, /at least 1 chars/],
    ])('%s is refused', async (_name, parts, message) => {
      await expect(revoke(parts)).rejects.toThrow(message)
    })

    test('says who made it, and is never changed', async () => {
      const made = (await revoke({})) as { metadata: { name: string }; spec: object }
      expect(made.spec).toMatchObject({ requester: 'Any', revokedBy: 'admin' })
      const body = [{ op: 'replace', path: '/spec/principal/name', value: 'bob' }]
      const changed = custom().patchClusterCustomObject({ ...kind, name: made.metadata.name, body })
      await expect(changed).rejects.toThrow(/is not changed/)
    })
  })

  test('the same pod is admitted elsewhere', async () => {
    const pod = await create('plain', { containers: spec.containers }, {}, 'open')
    expect(pod.metadata?.name).toBe('plain')
  })

  test.each<[string, object, RegExp]>([
    [
      'a hint is changed',
      { metadata: { annotations: { 'lanyard.dev/root-requester': 'admin' } } },
      /annotations of lanyard.dev are Lanyard's own/,
    ],
    [
      'a hint is added',
      { metadata: { annotations: { 'lanyard.dev/x': 'y' } } },
      /annotations of lanyard.dev are Lanyard's own/,
    ],
    [
      'a hint is taken away',
      { metadata: { annotations: { 'lanyard.dev/root-requester': null } } },
      /annotations of lanyard.dev are Lanyard's own/,
    ],
    [
      'all annotations are taken away',
      { metadata: { annotations: null } },
      /annotations of lanyard.dev are Lanyard's own/,
    ],
    [
      'the image of the sidecar is changed',
      { spec: { initContainers: [{ ...sidecar, image: 'attacker:1' }] } },
      /image of the sidecar cannot be changed/,
    ],
  ])('an update by which %s is refused', async (_name, body, message) => {
    const patched = core.patchNamespacedPod({ name: 'p', namespace, body }, MERGE)
    await expect(patched).rejects.toThrow(message)
  })

  test('an update of the status that carries a hint is refused or leaves it', async () => {
    const body = { metadata: { annotations: { 'lanyard.dev/root-requester': 'admin' } } }
    await core
      .patchNamespacedPodStatus({ name: 'p', namespace, body }, MERGE)
      .catch(() => undefined)
    const pod = await core.readNamespacedPod({ name: 'p', namespace })
    expect(pod.metadata?.annotations?.['lanyard.dev/root-requester']).toBe('alice')
  })

  test('other updates are admitted', async () => {
    const body = { metadata: { labels: { a: 'b' }, annotations: { other: 'y' } } }
    const pod = await core.patchNamespacedPod({ name: 'p', namespace, body }, MERGE)
    expect(pod.metadata).toMatchObject(body.metadata)
  })

  test.each<[string, boolean]>([
    ['kubernetes.io/service-account-token', false],
    ['Opaque', true],
    ['kubernetes.io/tls', true],
  ])('a Secret of the type %s is admitted: %s', async (type, admitted) => {
    const annotations = { 'kubernetes.io/service-account.name': 'default' }
    const stringData = { 'tls.crt': '', 'tls.key': '' }
    const name = `s-${type.replaceAll(/[^a-z]/g, '')}x`
    const body = { metadata: { name, annotations }, type, stringData }
    const created = core.createNamespacedSecret({ namespace, body }).then(
      () => true,
      (error: unknown) => String(error).includes('a credential without a chain') && false,
    )
    expect(await created).toBe(admitted)
  })

  interface TokenCase {
    readonly audiences?: string[]
    readonly bound?: boolean
  }

  async function mint(config: KubeConfig, { audiences, bound }: TokenCase): Promise<string> {
    const pod = await core.readNamespacedPod({ name: 'p', namespace })
    const ref = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: pod.metadata?.uid ?? '' }
    const { status } = await config.makeApiClient(CoreV1Api).createNamespacedServiceAccountToken({
      name: 'default',
      namespace,
      body: {
        spec: { audiences: audiences ?? [], ...(bound === true ? { boundObjectRef: ref } : {}) },
      },
    })
    return status?.token ?? ''
  }

  test.each<[string, TokenCase, RegExp]>([
    ['bound to a pod', { bound: true }, /only kubelet asks for one/],
    [
      'bound to a pod, for the API',
      { bound: true, audiences: ['api'] },
      /only kubelet asks for one/,
    ],
    [
      "bound to a pod, for this cluster's API",
      { bound: true, audiences: ['https://issuer.example'] },
      /only kubelet asks for one/,
    ],
    [
      'bound to a pod, for the API and a service',
      { bound: true, audiences: ['vault', 'https://kubernetes.default.svc'] },
      /only kubelet asks for one/,
    ],
    ['for the control plane', { audiences: [AUDIENCE] }, /only kubelet asks for a token/],
    ['for the control plane too', { audiences: ['x', AUDIENCE] }, /only kubelet asks for a token/],
  ])('a person gets no token %s, kubelet does', async (_name, wanted, message) => {
    await expect(mint(admin, wanted)).rejects.toThrow(message)
    await admin.makeApiClient(RbacAuthorizationV1Api).patchClusterRoleBinding(
      {
        name: 'cluster-admin',
        body: {
          subjects: ['system:masters', 'system:nodes'].map((name) => ({
            apiGroup: 'rbac.authorization.k8s.io',
            kind: 'Group',
            name,
          })),
        },
      },
      MERGE,
    )
    const kubelet = await apiServer.config('system:node:n1', 'system:nodes')
    await vi.waitFor(async () => expect(await mint(kubelet, wanted)).toMatch(/^eyJ/), 10_000)
  })

  test('a person gets a token for a service, bound to a pod or not', async () => {
    for (const audiences of [['vault'], ['sts.amazonaws.com', 'vault']]) {
      expect(await mint(admin, { audiences })).toMatch(/^eyJ/)
      expect(await mint(admin, { audiences, bound: true })).toMatch(/^eyJ/)
    }
    expect(await mint(admin, {})).toMatch(/^eyJ/)
  })

  /** Asks for a connection into the pod without a WebSocket: admission comes before that. */
  async function connect(subresource: string, query: string): Promise<string> {
    const url = `${admin.getCurrentCluster()?.server}/api/v1/namespaces/${namespace}/pods/p`
    const options = { method: 'POST' }
    await admin.applyToHTTPSOptions(options)
    return new Promise((settle, reject) => {
      const sent = request(`${url}/${subresource}?${query}`, options, (response) => {
        let text = ''
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString()
        })
        response.on('end', () => settle(text))
      })
      sent.on('error', reject)
      sent.end()
    })
  }

  test.each<[string, string]>([
    ['exec', 'command=sh&container=lanyard-sidecar'],
    ['exec', 'command=sh&container=lanyard-sidecar&container=app'],
    ['attach', 'stdout=true&container=lanyard-sidecar'],
  ])('%s?%s is refused', async (subresource, query) => {
    expect(await connect(subresource, query)).toContain('nobody reaches into the sidecar')
  })

  test.each<[string, string]>([
    ['exec', 'command=sh&container=app'],
    ['exec', 'command=sh'],
    ['attach', 'stdout=true&container=app'],
  ])('%s?%s is not refused by policy', async (subresource, query) => {
    const answer = await connect(subresource, query)
    expect(answer).not.toContain('lanyard')
    expect(answer).toMatch(/pod p does not have a host assigned/)
  })
})
