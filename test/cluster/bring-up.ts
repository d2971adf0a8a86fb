import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { addonObjects } from './addons.ts'
import { type ApiClient, openApiClient } from './api-client.ts'
import type { Binaries } from './binaries.ts'
import { makeCgroups } from './cgroups.ts'
import {
  API_SERVICE_IP,
  auditPolicy,
  COMPONENT_USERS,
  cniConfig,
  containerdConfig,
  INSIDE_SERVER,
  kubeconfig,
  kubeletConfig,
  NODE_IP,
  NODE_NAME,
} from './components.ts'
import { startComponent, waitFor, waitForComponent } from './control.ts'
import { importImage } from './import-image.ts'
import type { ClusterPaths } from './paths.ts'
import { openPki, type Pki } from './pki.ts'
import { type Log, withProgress } from './progress.ts'
import { mustRun } from './run-command.ts'
import type { TestImages } from './test-images.ts'

/** A part takes some seconds; on a machine that builds something else meanwhile, a minute and more. */
const START_MS_MAX = 180_000

interface BringUp {
  readonly paths: ClusterPaths
  readonly binaries: Binaries
  readonly images: TestImages
  readonly log: Log
}

/** Writes everything that the components read at their start. */
export async function prepareFiles(name: string, paths: ClusterPaths): Promise<void> {
  await issueCertificates(await openPki(paths.pki))
  const cgroupRoot = await makeCgroups(name)
  await writeFile(join(paths.root, 'kubelet.json'), kubeletConfig(paths, cgroupRoot))
  await writeFile(join(paths.root, 'containerd.toml'), containerdConfig(paths))
  await writeFile(join(paths.root, 'cni', '10-lanyard-test.conflist'), cniConfig(paths))
  await writeFile(join(paths.root, 'audit-policy.json'), auditPolicy())
}

/**
 * Everything between fresh namespaces and a node that is Ready with DNS running; `port` is where the
 * relay listens. What does not wait for something else runs at the same time.
 */
export async function bringUp(port: number, context: BringUp): Promise<void> {
  const { paths, log } = context
  await writeKubeconfigs(paths, port)
  const api = await openApiClient(paths, port)
  for (const component of ['containerd', 'etcd', 'kube-apiserver'] as const) {
    await startComponent(paths, component)
  }
  const runtime = withProgress(log, 'Starting containerd', () => bringUpRuntime(context))
  const agentImage = runtime.then(() =>
    withProgress(log, 'Loading the agent image', () => importImage(paths, context.images.agent)),
  )
  const node = Promise.all([
    runtime,
    withProgress(log, 'Starting kube-apiserver', () => bringUpApi(api, context)),
  ]).then(() =>
    withProgress(log, 'Waiting for the node and for DNS', () => bringUpNode(api, paths)),
  )
  await Promise.all([agentImage, node])
}

/** containerd with the images that the first pods need. */
async function bringUpRuntime({ paths, images }: BringUp): Promise<void> {
  const { containerdSocket } = paths
  const answers = () =>
    mustRun(['ctr', '--address', containerdSocket, 'version']).then(
      () => true,
      () => false,
    )
  await waitForComponent(paths, 'containerd', 'containerd answers', START_MS_MAX, answers)
  await importImage(paths, images.pause)
  await importImage(paths, images.coredns)
}

async function bringUpApi(api: ApiClient, { paths, binaries }: BringUp): Promise<void> {
  await waitForComponent(paths, 'kube-apiserver', 'it is ready', START_MS_MAX, api.isReady)
  for (const component of ['kube-controller-manager', 'kube-scheduler', 'kube-proxy'] as const) {
    await startComponent(paths, component)
  }
  const create = ['create', '--validate=false', '-f', '-']
  await mustRun([binaries.kubectl, '--kubeconfig', paths.adminKubeconfig, ...create], {
    input: JSON.stringify(addonObjects()),
    env: { KUBECACHEDIR: join(paths.run, 'kube-cache') },
  })
}

async function bringUpNode(api: ApiClient, paths: ClusterPaths): Promise<void> {
  await startComponent(paths, 'kubelet')
  await waitForComponent(paths, 'kubelet', 'the node is Ready', START_MS_MAX, async () =>
    hasCondition(await api.get(`/api/v1/nodes/${NODE_NAME}`), 'Ready'),
  )
  const coredns = '/apis/apps/v1/namespaces/kube-system/deployments/coredns'
  await waitForComponent(paths, 'kubelet', 'CoreDNS runs', START_MS_MAX, async () =>
    hasCondition(await api.get(coredns), 'Available'),
  )
  const account = '/api/v1/namespaces/default/serviceaccounts/default'
  await waitFor(
    'the default service account',
    30_000,
    async () => (await api.get(account)) !== undefined,
  )
}

function hasCondition(object: unknown, type: string): boolean {
  const { status } = (object ?? {}) as { status?: { conditions?: Record<string, string>[] } }
  return (status?.conditions ?? []).some(
    (condition) => condition['type'] === type && condition['status'] === 'True',
  )
}

async function issueCertificates(pki: Pki): Promise<void> {
  await pki.issue('kube-apiserver', {
    commonName: 'kube-apiserver',
    dnsNames: [
      'localhost',
      'kubernetes',
      'kubernetes.default',
      'kubernetes.default.svc',
      'kubernetes.default.svc.cluster.local',
    ],
    ipAddresses: ['127.0.0.1', API_SERVICE_IP, NODE_IP],
  })
  await pki.issue('kubelet-client', { commonName: 'kube-apiserver-kubelet-client' })
  await pki.issue('front-proxy-client', { commonName: 'front-proxy-client' }, 'front-proxy-ca')
  for (const [name, { user, groups }] of Object.entries(COMPONENT_USERS)) {
    await pki.issue(`component-${name}`, { commonName: user, organizations: groups })
  }
}

async function writeKubeconfigs(paths: ClusterPaths, port: number): Promise<void> {
  const ca = await readFile(join(paths.pki, 'ca.crt'), 'utf8')
  for (const name of Object.keys(COMPONENT_USERS)) {
    const certificate = await readFile(join(paths.pki, `component-${name}.crt`), 'utf8')
    const key = await readFile(join(paths.pki, `component-${name}.key`), 'utf8')
    const write = (path: string, server: string) =>
      writeFile(path, kubeconfig({ server, ca, certificate, key }), { mode: 0o600 })
    await write(join(paths.kubeconfigs, name), INSIDE_SERVER)
    if (name === 'admin') await write(paths.adminKubeconfig, `https://127.0.0.1:${port}`)
  }
}
