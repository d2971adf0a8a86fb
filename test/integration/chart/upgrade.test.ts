import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import {
  AdmissionregistrationV1Api,
  ApiregistrationV1Api,
  AppsV1Api,
  CoreV1Api,
  type KubeConfig,
  PatchStrategy,
  setHeaderOptions,
} from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { keepCaBundles } from '../../../control-plane/kubernetes/ca-bundles.ts'
import { createLogger } from '../../../platform/logger.ts'
import { type BareApiServer, startBareApiServer } from '../../support/bare-apiserver.ts'
import { findHelm, findKube } from '../../support/find-kubernetes.ts'
import { createTestAuthority } from '../../support/test-certificates.ts'

/* The chart on a real kube-apiserver: it takes every object, and upgrades keep what Lanyard wrote. */

const CHART = resolve(import.meta.dirname, '../../../deploy/chart')
const kube = findKube()
const helm = findHelm()
const name = 'lanyard-injector'
const API_SERVICES = ['v1alpha1.access.lanyard.dev', 'v1alpha1.admission.lanyard.dev']

describe.skipIf(kube === undefined || helm === undefined)('on a real kube-apiserver', () => {
  let apiServer: BareApiServer
  let folder: string
  let config: KubeConfig
  let keeper: { stop(): void } | undefined
  let authority: { readonly certificatePem: string }

  beforeAll(async () => {
    apiServer = await startBareApiServer(kube ?? '')
    authority = await createTestAuthority('lanyard')
    folder = await mkdtemp(join(tmpdir(), 'lanyard-chart-'))
    config = await apiServer.config('admin', 'system:masters')
    await writeFile(join(folder, 'admin'), await apiServer.kubeconfig('admin', 'system:masters'))
    await runHelm('install', '--create-namespace')
  }, 120_000)

  afterAll(async () => {
    keeper?.stop()
    await apiServer?.close()
    await rm(folder, { recursive: true, force: true })
  })

  async function runHelm(command: string, ...args: readonly string[]): Promise<string> {
    const where = ['--namespace', 'lanyard-system', '--kubeconfig', join(folder, 'admin')]
    // Its cache and its settings in the folder of the test.
    const env = { ...process.env, HOME: folder }
    const argv = [
      command,
      'lanyard',
      ...(command === 'uninstall' ? [] : [CHART]),
      ...where,
      ...args,
    ]
    return (await promisify(execFile)(helm ?? '', argv, { env })).stdout
  }

  const keep = () =>
    keepCaBundles(config, authority.certificatePem, createLogger({ name: 'test', level: 'error' }))

  /** The bundles of the two APIServices. */
  async function bundles(): Promise<readonly (string | undefined)[]> {
    const registration = config.makeApiClient(ApiregistrationV1Api)
    const services = await Promise.all(
      API_SERVICES.map((name) => registration.readAPIService({ name })),
    )
    return services.map(({ spec }) => spec?.caBundle)
  }

  function wanted(): readonly string[] {
    const bundle = Buffer.from(authority.certificatePem).toString('base64')
    return [bundle, bundle]
  }

  test('an installation leaves the bundles out, and admits nothing by them', async () => {
    expect(await bundles()).toEqual([undefined, undefined])
    const core = config.makeApiClient(CoreV1Api)
    const labels = { 'lanyard.dev/injection': 'enabled' }
    await core.createNamespace({ body: { metadata: { name: 'team', labels } } })
    await core.createNamespacedServiceAccount({
      namespace: 'team',
      body: { metadata: { name: 'default' } },
    })
    const pod = {
      metadata: { name: 'p' },
      spec: { containers: [{ name: 'c', image: 'busybox' }] },
    }
    const refused = core.createNamespacedPod({ namespace: 'team', body: pod })
    await expect(refused).rejects.toThrow(/failed calling webhook .*inject\.lanyard\.dev/)
  })

  test('an upgrade that changes other values keeps what the control plane wrote', async () => {
    keeper = keep()
    await vi.waitFor(async () => expect(await bundles()).toEqual(wanted()), 20_000)
    // From here on nobody would write them again.
    keeper.stop()
    await runHelm('upgrade', '--set', 'injector.replicas=3', '--set', 'sidecar.logLevel=debug')
    expect(await bundles()).toEqual(wanted())
    const { spec } = await config
      .makeApiClient(AppsV1Api)
      .readNamespacedDeployment({ name, namespace: 'lanyard-system' })
    expect(spec?.replicas).toBe(3)
  })

  test('an upgrade takes back what somebody changed in a webhook', async () => {
    const admission = config.makeApiClient(AdmissionregistrationV1Api)
    const before = await admission.readValidatingWebhookConfiguration({ name })
    const webhooks = before.webhooks?.map((webhook) => ({ ...webhook, failurePolicy: 'Ignore' }))
    await admission.replaceValidatingWebhookConfiguration({
      name,
      body: { ...before, ...(webhooks === undefined ? {} : { webhooks }) },
    })
    await runHelm('upgrade', '--set', 'injector.replicas=2')
    const after = await admission.readValidatingWebhookConfiguration({ name })
    expect(new Set(after.webhooks?.map(({ failurePolicy }) => failurePolicy))).toEqual(
      new Set(['Fail']),
    )
  })

  test('keepCaBundles() keeps one although the other is gone, and both once it is back', async () => {
    const registration = config.makeApiClient(ApiregistrationV1Api)
    const [first = '', second = ''] = API_SERVICES
    const { spec, metadata: was } = await registration.readAPIService({ name: first })
    await registration.deleteAPIService({ name: first })
    const merge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch)
    const body = { spec: { caBundle: null } }
    await registration.patchAPIService({ name: second, body }, merge)
    keeper = keep()
    const bundle = async () => (await registration.readAPIService({ name: second })).spec?.caBundle
    await vi.waitFor(async () => expect(await bundle()).toBe(wanted()[1]), 20_000)
    // As Helm would bring it back.
    const { resourceVersion: _, uid: __, ...metadata } = was ?? {}
    const { caBundle: ___, ...rest } = spec ?? { groupPriorityMinimum: 1, versionPriority: 1 }
    await registration.createAPIService({ body: { metadata, spec: rest } })
    await vi.waitFor(async () => expect(await bundles()).toEqual(wanted()), 20_000)
    keeper.stop()
  })

  test('an uninstallation leaves no webhook behind that would refuse pods', async () => {
    await runHelm('uninstall')
    const admission = config.makeApiClient(AdmissionregistrationV1Api)
    const { items: mutating } = await admission.listMutatingWebhookConfiguration()
    const { items: validating } = await admission.listValidatingWebhookConfiguration()
    const { items: policies } = await admission.listValidatingAdmissionPolicy()
    expect([...mutating, ...validating, ...policies]).toEqual([])
  })
})
