import { readFile } from 'node:fs/promises'
import {
  ApiextensionsV1Api,
  AppsV1Api,
  CoreV1Api,
  CustomObjectsApi,
  type KubeConfig,
  PatchStrategy,
  setHeaderOptions,
} from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { parse } from 'yaml'
import { watchClusterFacts } from '../../../control-plane/kubernetes/cluster-facts.ts'
import { watchMaskProfiles } from '../../../control-plane/kubernetes/mask-profiles.ts'
import { createPodReader } from '../../../control-plane/kubernetes/pod-reader.ts'
import { createTargetReader } from '../../../control-plane/kubernetes/target-reader.ts'
import { watchLimits } from '../../../control-plane/kubernetes/watch-limits.ts'
import { createWorkloadLister } from '../../../control-plane/kubernetes/workload-lister.ts'
import { INJECTION_LABEL } from '../../../core/names.ts'
import { createLogger } from '../../../platform/logger.ts'
import { type BareApiServer, startBareApiServer } from '../../support/bare-apiserver.ts'
import { findKube } from '../../support/find-kubernetes.ts'
import { aRequest } from '../../support/policy-builders.ts'

/* What the control plane asks of a real kube-apiserver. */

const kube = findKube()
const namespace = 'team'
const CEILING = {
  rules: [
    {
      name: 'all',
      effect: 'Allow',
      apiGroups: ['*'],
      resources: ['*'],
      verbs: ['*'],
      namespaces: ['*'],
    },
  ],
}
const MERGE = setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch)

describe.skipIf(kube === undefined)('at a kube-apiserver', () => {
  let apiServer: BareApiServer
  let admin: KubeConfig
  let core: CoreV1Api

  beforeAll(async () => {
    apiServer = await startBareApiServer(kube ?? '')
    admin = await apiServer.config('admin', 'system:masters')
    core = admin.makeApiClient(CoreV1Api)
    const labels = { [INJECTION_LABEL]: 'enabled' }
    await core.createNamespace({ body: { metadata: { name: namespace, labels } } })
    const account = { metadata: { name: 'default' } }
    await core.createNamespacedServiceAccount({ namespace, body: account })
  }, 120_000)

  afterAll(() => apiServer?.close())

  test('readTarget() tells the objects of one name apart, and what may not be read', async () => {
    const about = (parts: Parameters<typeof aRequest>[0]) => aRequest({ namespace, ...parts })
    const service = about({ verb: 'delete', resource: 'services', name: 'shop' })
    const readTarget = createTargetReader(admin)
    const body = { metadata: { name: 'shop' }, spec: { ports: [{ port: 80 }] } }
    const found: string[] = []
    for (let times = 0; times < 2; times += 1) {
      expect(await readTarget(service)).toEqual({ uid: '', resourceVersion: '' })
      const made = await core.createNamespacedService({ namespace, body })
      const { uid = '', resourceVersion = '' } = made.metadata ?? {}
      expect(await readTarget(service)).toEqual({ uid, resourceVersion })
      found.push(uid)
      await core.deleteNamespacedService({ namespace, name: 'shop' })
    }
    expect(new Set(found).size).toBe(2)
    const itself = about({ verb: 'delete', resource: 'namespaces', name: namespace })
    expect(await readTarget(itself)).toMatchObject({
      uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
    })
    const nobody = createTargetReader(await apiServer.config('nobody', 'none'))
    await expect(nobody(service)).rejects.toMatchObject({
      ...{
        code: 'permission_denied',
        message: expect.stringMatching(/may not read services: .*approvals\.targets/),
      },
    })
  })

  test('readPodUid() follows a name from one pod to the next', async () => {
    const readPodUid = createPodReader(core)
    const body = {
      metadata: { name: 'web' },
      spec: { automountServiceAccountToken: false, containers: [{ name: 'a', image: 'x' }] },
    }
    const made: (string | undefined)[] = []
    const found: (string | undefined)[] = []
    for (let times = 0; times < 2; times += 1) {
      expect(await readPodUid(namespace, 'web')).toBeUndefined()
      made.push((await core.createNamespacedPod({ namespace, body })).metadata?.uid)
      found.push(await readPodUid(namespace, 'web'))
      // A creation that fails changes nothing.
      await expect(core.createNamespacedPod({ namespace, body })).rejects.toThrow()
      expect(await readPodUid(namespace, 'web')).toBe(found.at(-1))
      await core.deleteNamespacedPod({ namespace, name: 'web', gracePeriodSeconds: 0 })
    }
    expect(found).toEqual(made)
    expect(new Set(found).size).toBe(2)
  })

  test('createWorkloadLister() lists what makes pods, of the core group too, as it is written', async () => {
    const labels = { app: 'kept' }
    const spec = { containers: [{ name: 'a', image: 'x' }] }
    const template = { metadata: { labels }, spec }
    const metadata = { name: 'kept' }
    await core.createNamespacedReplicationController({
      ...{ namespace, body: { metadata, spec: { replicas: 0, selector: labels, template } } },
    })
    await admin.makeApiClient(AppsV1Api).createNamespacedDeployment({
      ...{ namespace, body: { metadata, spec: { selector: { matchLabels: labels }, template } } },
    })
    const listed: string[] = []
    for await (const { group, kind, object } of createWorkloadLister(admin)(namespace)) {
      expect(object).toMatchObject({ metadata, spec: { template: { spec } } })
      // As kube-apiserver writes it: the client's own types make a Date of this.
      expect(object.metadata?.creationTimestamp).toMatch(/^\d{4}-/)
      listed.push(`${group}/${kind}`)
    }
    expect(listed).toEqual(['apps/Deployment', '/ReplicationController'])
  })

  test.each(['.', '..', '../secrets', 'a/b', 'a?b'])(
    'readPodUid() finds no pod %j',
    async (name) => {
      const uid = await createPodReader(core)(namespace, name).catch(() => undefined)
      expect(uid).toBeUndefined()
    },
  )

  test('readPodUid() does not take a refusal for an absent pod', async () => {
    const nobody = await apiServer.config('nobody', 'nobodies')
    const readPodUid = createPodReader(nobody.makeApiClient(CoreV1Api))
    await expect(readPodUid(namespace, 'web')).rejects.toMatchObject({
      code: 'decision_unavailable',
    })
  })

  test('watchLimits() knows none without their definitions, and hears of a ceiling once it is there', async () => {
    const known: number[] = []
    const limits = watchLimits(admin, {
      logger: createLogger({ name: 'test', level: 'error' }, { write: () => undefined }),
      onChange: (all) => void known.push(all.length),
      onLimit: () => undefined,
      onSync: () => undefined,
    })
    const isSynced = () => limits.every((collection) => collection.isSynced())
    expect(isSynced()).toBe(false)
    const soon = { timeout: 20_000 }
    await expect.poll(isSynced, soon).toBe(true)
    expect(known.at(-1)).toBe(0)
    const definition = await readFile('deploy/chart/crds/accessceilings.yaml', 'utf8')
    await admin
      .makeApiClient(ApiextensionsV1Api)
      .createCustomResourceDefinition({ body: parse(definition) })
    const body = {
      ...{ apiVersion: 'lanyard.dev/v1alpha1', kind: 'AccessCeiling' },
      ...{ metadata: { name: 'no-nodes' }, spec: CEILING },
    }
    const kind = { group: 'lanyard.dev', version: 'v1alpha1', plural: 'accessceilings' }
    const custom = admin.makeApiClient(CustomObjectsApi)
    await vi.waitFor(() => custom.createClusterCustomObject({ ...kind, body }), 20_000)
    await expect.poll(() => known.at(-1), soon).toBe(1)
    expect(isSynced()).toBe(true)
    for (const limit of limits) limit.stop()
  }, 60_000)

  test('watchMaskProfiles() knows none without their definition, and hears of them once it is there', async () => {
    const told: string[] = []
    const profiles = watchMaskProfiles({
      config: admin,
      logger: createLogger({ name: 'test', level: 'error' }, { write: () => undefined }),
      onChange: () => undefined,
      onProfile: ({ metadata }, { ok }) => void told.push(`${metadata?.name} ${ok}`),
      onSync: () => undefined,
    })
    expect(profiles.problem()).toMatch(/not in sync/)
    const soon = { timeout: 20_000 }
    await expect.poll(() => profiles.problem(), soon).toBeUndefined()
    expect(profiles.find('nodes')).toBeUndefined()
    const definition = await readFile('deploy/chart/crds/maskprofiles.yaml', 'utf8')
    await admin
      .makeApiClient(ApiextensionsV1Api)
      .createCustomResourceDefinition({ body: parse(definition) })
    const spec = { fields: [{ apiGroups: [''], resources: ['pods'], path: '.spec.nodeName' }] }
    const body = {
      ...{ apiVersion: 'lanyard.dev/v1alpha1', kind: 'MaskProfile' },
      ...{ metadata: { name: 'nodes' }, spec },
    }
    const kind = { group: 'lanyard.dev', version: 'v1alpha1', plural: 'maskprofiles' }
    const custom = admin.makeApiClient(CustomObjectsApi)
    await vi.waitFor(() => custom.createClusterCustomObject({ ...kind, body }), 20_000)
    await expect.poll(() => told, soon).toContain('nodes true')
    const found = profiles.find('nodes')
    expect(found).toMatchObject({ ok: true, profile: { name: 'nodes' } })
    expect(profiles.problem()).toBeUndefined()
    profiles.stop()
  }, 60_000)

  test('watchClusterFacts() tells which namespaces are opted in, and of each change', async () => {
    const told: string[] = []
    const facts = watchClusterFacts({
      config: admin,
      logger: createLogger({ name: 'test', level: 'error' }, { write: () => undefined }),
      onNamespaces: (optedIn) => void told.push([...optedIn].join()),
      onPolicyChange: () => undefined,
      onRbacChange: () => undefined,
      onPolicy: () => undefined,
      onMaskProfile: () => undefined,
      onLimit: () => undefined,
    })
    const label = (value: string | null) =>
      core.patchNamespace(
        { name: namespace, body: { metadata: { labels: { [INJECTION_LABEL]: value } } } },
        MERGE,
      )
    await expect.poll(() => told.at(-1), { timeout: 10_000 }).toBe(namespace)
    await label(null)
    await expect.poll(() => told.at(-1), { timeout: 10_000 }).toBe('')
    expect(facts.isInjected(namespace)).toBe(false)
    await label('enabled')
    await expect.poll(() => told.at(-1), { timeout: 10_000 }).toBe(namespace)
    expect(facts.isInjected(namespace)).toBe(true)
    facts.stop()
  })
})
