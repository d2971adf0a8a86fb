import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import {
  AppsV1Api,
  CoreV1Api,
  CustomObjectsApi,
  type KubeConfig,
  PatchStrategy,
  setHeaderOptions,
  type V1Pod,
} from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { keepCaBundles } from '../../../control-plane/kubernetes/ca-bundles.ts'
import { createLogger } from '../../../platform/logger.ts'
import { type BareApiServer, startBareApiServer } from '../../support/bare-apiserver.ts'
import { findHelm, findKube } from '../../support/find-kubernetes.ts'
import { type InjectorFixture, startInjectorFixture } from '../../support/injector-fixture.ts'
import { leadToInjector, waitUntilAvailable } from '../../support/lead-to-injector.ts'
import { runInMemory } from '../../support/run-cli.ts'

/*
 * The webhook configurations of the chart themselves, with what the control plane writes into them,
 * between a real kube-apiserver and the injector.
 */

const CHART = resolve(import.meta.dirname, '../../../deploy/chart')
const kube = findKube()
const helm = findHelm()
const SYSTEM = 'lanyard-system'
const OPTED_IN = { 'lanyard.dev/injection': 'enabled' }

describe.skipIf(kube === undefined || helm === undefined)('the chart on kube-apiserver', () => {
  let apiServer: BareApiServer
  let injector: InjectorFixture
  let folder: string
  let config: KubeConfig
  let core: CoreV1Api
  let keeper: { stop(): void } | undefined

  beforeAll(async () => {
    apiServer = await startBareApiServer(kube ?? '')
    injector = await startInjectorFixture({}, apiServer.frontProxyCaPem)
    injector.publishAuthority()
    folder = await mkdtemp(join(tmpdir(), 'lanyard-webhooks-'))
    config = await apiServer.config('admin', 'system:masters')
    core = config.makeApiClient(CoreV1Api)
    const kubeconfig = join(folder, 'admin')
    await writeFile(kubeconfig, await apiServer.kubeconfig('admin', 'system:masters'))
    const where = ['--namespace', SYSTEM, '--create-namespace', '--kubeconfig', kubeconfig]
    const env = { ...process.env, HOME: folder }
    await promisify(execFile)(helm ?? '', ['install', 'lanyard', CHART, ...where], { env })
    await leadToInjector(config, injector)
    for (const namespace of ['team', 'open', SYSTEM, 'kube-system']) await openNamespace(namespace)
    keeper = keepCaBundles(
      config,
      injector.authorityPem,
      createLogger({ name: 'test', level: 'error' }),
    )
    await vi.waitFor(
      async () => expect((await injector.health('/readyz')).status).toBe(200),
      20_000,
    )
    await waitUntilAvailable(config)
  }, 120_000)

  afterAll(async () => {
    keeper?.stop()
    await injector?.close()
    await apiServer?.close()
    await rm(folder, { recursive: true, force: true })
  })

  /** All but `open` carry the label: what is exempt is exempt by name. */
  async function openNamespace(namespace: string): Promise<void> {
    const labels = namespace === 'open' ? {} : OPTED_IN
    const metadata = { name: namespace, labels }
    await core.createNamespace({ body: { metadata } }).catch(() => undefined)
    await core.patchNamespace(
      { name: namespace, body: { metadata: { labels } } },
      setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
    )
    await core
      .createNamespacedServiceAccount({ namespace, body: { metadata: { name: 'default' } } })
      .catch(() => undefined)
  }

  const create = (namespace: string, metadata: V1Pod['metadata'], spec: object = {}) =>
    core.createNamespacedPod({
      namespace,
      body: {
        metadata: metadata ?? {},
        spec: { containers: [{ name: 'app', image: 'busybox:1' }], ...spec },
      },
    })

  test('a pod is injected and bound by the webhooks of the chart', async () => {
    const pod = await create('team', { name: 'p' })
    expect(pod.spec?.initContainers?.[0]?.name).toBe('lanyard-sidecar')
    const binding = await injector.store.bindings.find(pod.metadata?.uid ?? '')
    expect(binding?.chain.rootRequester.username).toBe('admin')
  })

  test('whoever changes code in a running pod is a co-requester of it, and whoever labels it is not', async () => {
    const STRATEGIC = setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch)
    const { metadata } = await create('team', { name: 'changed' })
    const of = { namespace: 'team', name: 'changed' }
    const by = async (user: string) =>
      (await apiServer.config(user, 'system:masters')).makeApiClient(CoreV1Api)
    const dave = await by('dave')
    await dave.patchNamespacedPod({ ...of, body: { metadata: { labels: { a: 'b' } } } }, STRATEGIC)
    const image = { spec: { containers: [{ name: 'app', image: 'nop:1' }] } }
    await dave.patchNamespacedPod({ ...of, body: image, dryRun: 'All' }, STRATEGIC)
    await (await by('bob')).patchNamespacedPod({ ...of, body: image }, STRATEGIC)
    const debug = { name: 'debug', image: 'busybox:1', targetContainerName: 'app' }
    const added = { spec: { ephemeralContainers: [debug] } }
    const erin = await by('erin')
    await erin.patchNamespacedPodEphemeralcontainers({ ...of, body: added }, STRATEGIC)
    const binding = await injector.store.bindings.find(metadata?.uid ?? '')
    const others = binding?.chain.coRequesters.map(({ username }) => username)
    expect(others).toEqual(['bob', 'erin'])
    expect(binding?.visits.visitors).toMatchObject([
      { username: 'bob', kinds: ['image'], joined: true },
      { username: 'erin', kinds: ['ephemeralcontainers'], joined: true },
    ])
  })

  test.each(['open', SYSTEM, 'kube-system'])('a pod in %s is left as it is', async (namespace) => {
    const pod = await create(namespace, { name: 'p' })
    expect(pod.spec?.initContainers).toBeUndefined()
    expect(pod.metadata?.annotations).toBeUndefined()
    expect(await injector.store.bindings.find(pod.metadata?.uid ?? '')).toBeUndefined()
  })

  describe('a StatefulSet', () => {
    const namespace = 'team'
    const as = async (user: string) =>
      (await apiServer.config(user, 'system:masters')).makeApiClient(AppsV1Api)
    const requesters = async (uid = '') => {
      const chain = (await injector.store.workloads.find(uid))?.chain
      return [chain?.rootRequester, ...(chain?.coRequesters ?? [])].map((user) => user?.username)
    }
    const labels = { app: 'db' }
    const template = {
      metadata: { labels },
      spec: { containers: [{ name: 'app', image: 'busybox:1' }] },
    }
    async function createSet(name: string) {
      const spec = { serviceName: 'none', selector: { matchLabels: labels }, template }
      const made = await (await as('alice')).createNamespacedStatefulSet({
        namespace,
        body: { metadata: { name }, spec },
      })
      return made.metadata?.uid
    }
    const merge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch)

    test('has whoever writes its status, but for its controller, and not whoever restarts it', async () => {
      const uid = await createSet('db')
      const status = { status: { currentRevision: 'db-other' } }
      const where = { name: 'db', namespace }
      const controller = 'system:serviceaccount:kube-system:statefulset-controller'
      await (await as(controller)).patchNamespacedStatefulSetStatus(
        { ...where, body: status },
        merge,
      )
      const restart = { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': 'now' } } }
      const restarted = { spec: { replicas: 3, template: restart } }
      await (await as('dave')).patchNamespacedStatefulSet({ ...where, body: restarted }, merge)
      expect(await requesters(uid)).toEqual(['alice'])
      expect((await injector.store.workloads.find(uid ?? ''))?.touches).toMatchObject([
        { username: 'dave', fields: expect.arrayContaining(['replicas']) },
      ])
      const other = { status: { currentRevision: 'db-third' } }
      await (await as('bob')).patchNamespacedStatefulSetStatus({ ...where, body: other }, merge)
      expect(await requesters(uid)).toEqual(['alice', 'bob'])
    })

    test('whose chain is closed is for all to edit, and for an administrator to reset', async () => {
      const uid = await createSet('full')
      const where = { name: 'full', namespace }
      for (let number = 1; number <= 17; number += 1) {
        const env = [{ name: 'X', value: String(number) }]
        const containers = [{ ...template.spec.containers[0], env }]
        const body = { spec: { template: { spec: { containers } } } }
        await (await as(`editor-${number}`)).patchNamespacedStatefulSet({ ...where, body }, merge)
      }
      expect((await injector.store.workloads.find(uid ?? ''))?.chain.closed).toContain('more than')
      const env = { KUBECONFIG: join(folder, 'admin') }
      const reset = (...args: readonly string[]) => runInMemory(['reset', ...args], { env })
      const early = await reset('sts/full', '-n', namespace, '--generation', '3')
      expect(early).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('look again') })
      const done = await reset('sts/full', '-n', namespace, '--reason', 'read it')
      expect(done).toMatchObject({ exitCode: 0, stderr: '' })
      expect(done.stdout).toContain('admin answers, alone, for what StatefulSet/full')
      expect(await requesters(uid)).toEqual(['admin'])
      const custom = config.makeApiClient(CustomObjectsApi)
      const kind = { group: 'lanyard.dev', version: 'v1alpha1', namespace, plural: 'chainresets' }
      const { items } = (await custom.listNamespacedCustomObject(kind)) as {
        items: { metadata: { name: string }; spec: { target: object }; status: object }[]
      }
      expect(items).toMatchObject([{ spec: { reason: 'read it' }, status: { by: 'admin' } }])
      const [{ metadata, spec } = { metadata: { name: '' }, spec: { target: {} } }] = items
      const change = { name: metadata.name, body: { status: { by: 'alice' } } }
      const changed = custom.patchNamespacedCustomObject({ ...kind, ...change }, merge)
      await expect(changed).rejects.toThrow('a reset is a record')
      const stale = { ...spec, target: { ...spec.target, generation: 2 } }
      const body = { apiVersion: 'lanyard.dev/v1alpha1', kind: 'ChainReset', spec: stale }
      const late = custom.createNamespacedCustomObject({
        ...{ ...kind, body: { ...body, metadata: { name: 'stale' } } },
      })
      await expect(late).rejects.toThrow(/was changed in generation 18/)
    })

    test('of a namespace where Lanyard does not watch is not reset, and that is said', async () => {
      const spec = { serviceName: 'none', selector: { matchLabels: labels }, template }
      const body = { metadata: { name: 'db' }, spec }
      await (await as('alice')).createNamespacedStatefulSet({ namespace: 'open', body })
      const env = { KUBECONFIG: join(folder, 'admin') }
      const answer = await runInMemory(['reset', 'sts/db', '-n', 'open'], { env })
      expect(answer).toMatchObject({
        exitCode: 1,
        stderr: expect.stringContaining('Nothing was reset'),
      })
    })

    test('has whoever gives it a template under another kind of owner', async () => {
      const uid = (await createSet('third')) ?? ''
      const owner = { apiVersion: 'apps.kruise.io/v1alpha1', kind: 'CloneSet', name: 'third', uid }
      const metadata = {
        name: 'third-1',
        labels,
        ownerReferences: [{ ...owner, controller: true }],
      }
      const body = { metadata, revision: 1, data: { spec: { template } } }
      await (await as('bob')).createNamespacedControllerRevision({ namespace, body })
      expect(await requesters(uid)).toEqual(['alice', 'bob'])
    })
  })

  test('a review that somebody posts through kube-apiserver is none of kube-apiserver', async () => {
    const answer = await postThrough(config, '/apis/admission.lanyard.dev/v1alpha1/validate')
    expect(answer).toMatchObject({ status: 403 })
    expect(answer.text).toContain('only kube-apiserver calls the webhooks')
  })

  test('what kube-apiserver says when the injector is away is no way in', async () => {
    injector.process.kill('SIGKILL')
    await expect(create('team', { name: 'away' })).rejects.toThrow(
      /failed calling webhook .*inject\.lanyard\.dev/,
    )
  })
})

/** Posts as the user of a kubeconfig. */
async function postThrough(
  config: KubeConfig,
  path: string,
): Promise<{ readonly status: number; readonly text: string }> {
  const options = { method: 'POST', headers: { 'content-type': 'application/json' } }
  await config.applyToHTTPSOptions(options)
  const sent = request(`${config.getCurrentCluster()?.server}${path}`, options)
  sent.end('{}')
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }
}
