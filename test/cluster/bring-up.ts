import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { addonObjects } from './addons.ts'
import type { Binaries } from './binaries.ts'
import { makeCgroups } from './cgroups.ts'
import {
  API_SERVICE_IP,
  auditPolicy,
  COMPONENT_USERS,
  type ComponentName,
  cniConfig,
  containerdConfig,
  INSIDE_SERVER,
  kubeconfig,
  kubeletConfig,
  NODE_IP,
} from './components.ts'
import { control, waitFor } from './control.ts'
import { type ClusterPaths, clusterPaths } from './paths.ts'
import { openPki, type Pki } from './pki.ts'
import { type Log, withProgress } from './progress.ts'
import { mustRun, runCommand } from './run-command.ts'
import { ensureTestImages } from './test-images.ts'

/** Makes everything between an empty folder and a node that is Ready with DNS running. */
export async function bringUp(
  name: string,
  binaries: Binaries,
  log: Log,
  startKeeper: (name: string) => Promise<number>,
): Promise<void> {
  const paths = clusterPaths(name)
  const images = await ensureTestImages(binaries, log)
  const pki = await openPki(paths.pki)
  await issueCertificates(pki)
  await writeConfigs(name, paths, pki)
  const port = await startKeeper(name)
  await writeKubeconfigs(paths, pki, port)
  const start = (component: ComponentName) => control(paths, { op: 'start', name: component })

  await start('containerd')
  const imported = withProgress(log, 'Loading images', () => importImages(paths, images))
  await start('etcd')
  await start('kube-apiserver')
  const admin = ['--kubeconfig', join(paths.kubeconfigs, 'admin-outside')]
  const kubectl = (...args: string[]) => runCommand([binaries.kubectl, ...admin, ...args])
  await withProgress(log, 'Waiting for kube-apiserver', () =>
    waitFor(
      'kube-apiserver to be ready',
      60_000,
      async () => (await kubectl('get', '--raw', '/readyz')).exitCode === 0,
    ),
  )
  for (const component of ['kube-controller-manager', 'kube-scheduler', 'kube-proxy'] as const) {
    await start(component)
  }
  await imported
  await start('kubelet')
  await mustRun([binaries.kubectl, ...admin, 'apply', '-f', '-'], {
    input: JSON.stringify(addonObjects()),
  })
  await withProgress(log, 'Waiting for the node and for DNS', async () => {
    const ready = ['wait', '--for=condition=Ready', 'node', '--all', '--timeout=5s']
    await waitFor(
      'the node to be Ready',
      90_000,
      async () => (await kubectl(...ready)).exitCode === 0,
    )
    await mustRun([
      binaries.kubectl,
      ...admin,
      '-n',
      'kube-system',
      'rollout',
      'status',
      'deployment/coredns',
      '--timeout=120s',
    ])
    await waitFor(
      'the default service account',
      30_000,
      async () => (await kubectl('get', 'serviceaccount', 'default')).exitCode === 0,
    )
  })
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

async function writeConfigs(name: string, paths: ClusterPaths, pki: Pki): Promise<void> {
  const cgroupRoot = await makeCgroups(name)
  await writeFile(join(paths.root, 'kubelet.json'), kubeletConfig(paths, pki, cgroupRoot))
  await writeFile(join(paths.root, 'containerd.toml'), containerdConfig(paths))
  await writeFile(join(paths.root, 'cni', '10-lanyard-test.conflist'), cniConfig(paths))
  await writeFile(join(paths.root, 'audit-policy.json'), auditPolicy())
}

async function writeKubeconfigs(paths: ClusterPaths, pki: Pki, port: number): Promise<void> {
  const ca = await readFile(join(pki.folder, 'ca.crt'), 'utf8')
  for (const name of Object.keys(COMPONENT_USERS)) {
    const certificate = await readFile(join(pki.folder, `component-${name}.crt`), 'utf8')
    const key = await readFile(join(pki.folder, `component-${name}.key`), 'utf8')
    const write = (file: string, server: string) =>
      writeFile(join(paths.kubeconfigs, file), kubeconfig({ server, ca, certificate, key }), {
        mode: 0o600,
      })
    await write(name, INSIDE_SERVER)
    if (name === 'admin') await write('admin-outside', `https://127.0.0.1:${port}`)
  }
}

async function importImages(paths: ClusterPaths, images: readonly string[]): Promise<void> {
  const ctr = ['ctr', '--address', paths.containerdSocket, '-n', 'k8s.io']
  await waitFor(
    'containerd',
    30_000,
    async () => (await runCommand([...ctr, 'version'])).exitCode === 0,
  )
  for (const image of images) await mustRun([...ctr, 'images', 'import', image])
}
