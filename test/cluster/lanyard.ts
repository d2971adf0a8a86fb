import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packImages } from '../../deploy/images/build-images.ts'
import { dockerArchive } from '../../deploy/images/docker-archive.ts'
import { VERSION } from '../../platform/version.ts'
import type { Cluster } from './cluster.ts'
import { NODE_NAME } from './components.ts'
import { REPOSITORY } from './paths.ts'
import { type Log, withProgress } from './progress.ts'
import { type CommandResult, endingWithUs, mustRun, runCommand } from './run-command.ts'

const NAMESPACE = 'lanyard-system'
const RELEASE = 'lanyard'

/**
 * Builds the three images, makes them known to the node, and installs the chart. Where it is
 * installed already, what runs is replaced by what the tree holds now.
 */
export async function installLanyard(cluster: Cluster, log: Log): Promise<void> {
  await loadLanyard(cluster, log)
  const action = releaseAction(await runCommand(helm(cluster, ['status', RELEASE, '-o', 'json'])))
  if (action === 'upgrade') {
    await withProgress(log, 'Upgrading the Helm release', () => upgrade(cluster))
    await waitUntilServed(cluster, log)
    return
  }
  if (action === 'reinstall') {
    await withProgress(log, 'Removing a Helm release that was left half-way', () =>
      mustRun(helm(cluster, ['uninstall', RELEASE, '--wait', '--timeout', '180s'])),
    )
  }
  await withProgress(log, 'Installing the Helm chart', () => installChart(cluster))
  await waitUntilServed(cluster, log)
}

/** What `waitUntilServed` asks kubectl. */
export const SERVED = ['wait', '--for=condition=Available', '--timeout=120s', ...apiServices()]

/**
 * Waits until kube-apiserver calls Lanyard's APIs: it looks at them by itself some seconds after their
 * pods are ready, which is all that Helm waits for, and no pod is admitted before.
 */
async function waitUntilServed(cluster: Cluster, log: Log): Promise<void> {
  await withProgress(log, 'Waiting for the APIs of Lanyard', () =>
    explained(cluster, () => mustRun(kubectl(cluster, SERVED))),
  )
}

function apiServices(): readonly string[] {
  return ['access', 'admission'].map((api) => `apiservice/v1alpha1.${api}.lanyard.dev`)
}

/** Builds the three images and makes them known to the node. */
export async function loadLanyard(cluster: Cluster, log: Log): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'lanyard-images-'))
  try {
    // One archive for all three: they share their largest layer.
    const archive = join(folder, 'lanyard.tar')
    await withProgress(log, 'Building the images of Lanyard', async () =>
      writeFile(archive, dockerArchive((await packImages()).map(({ image }) => image))),
    )
    await withProgress(log, 'Loading the images of Lanyard', () => cluster.loadImage(archive))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Installs the chart into a cluster that has it not; returns what Helm says. */
export function installChart(cluster: Cluster): Promise<string> {
  return explained(cluster, () => mustRun(helm(cluster, installArguments(cluster))))
}

/** The arguments with which `installChart` calls Helm, but for those that say which cluster. */
export function installArguments(cluster: Cluster): readonly string[] {
  return ['install', RELEASE, ...chart(cluster), '--create-namespace', '--namespace', NAMESPACE]
}

/**
 * What to do about a release, from what `helm status -o json` says. Helm neither upgrades nor
 * installs over one that a killed run left pending, or that failed. Throws when Helm cannot tell.
 */
export function releaseAction(status: CommandResult): 'install' | 'upgrade' | 'reinstall' {
  if (status.exitCode !== 0) {
    if (status.stderr.includes('release: not found')) return 'install'
    throw new Error(`Cannot tell whether Lanyard is installed: ${status.stderr.trim()}`)
  }
  const { info } = JSON.parse(status.stdout) as { readonly info?: { readonly status?: string } }
  return info?.status === 'deployed' ? 'upgrade' : 'reinstall'
}

/** The images' names stay the same when their content changes, so nothing would restart by itself. */
async function upgrade(cluster: Cluster): Promise<void> {
  const workloads = ['statefulset/lanyard-control-plane', 'deployment/lanyard-injector']
  await explained(cluster, async () => {
    await mustRun(helm(cluster, ['upgrade', RELEASE, ...chart(cluster)]))
    await mustRun(kubectl(cluster, ['rollout', 'restart', ...workloads]))
    for (const workload of workloads) {
      await mustRun(kubectl(cluster, ['rollout', 'status', workload, '--timeout=180s']))
    }
  })
}

function chart(cluster: Cluster): readonly string[] {
  return [
    join(REPOSITORY, 'deploy', 'chart'),
    ...['--set', `image.tag=${VERSION}`, '--set', 'image.pullPolicy=IfNotPresent'],
    ...['--set', 'controlPlane.persistence.type=hostPath'],
    ...['--set', `controlPlane.nodeSelector.kubernetes\\.io/hostname=${NODE_NAME}`],
    ...['--set', `controlPlane.persistence.hostPath=${join(cluster.paths.volumes, 'lanyard')}`],
    ...['--wait', '--timeout', '180s'],
  ]
}

function helm(cluster: Cluster, args: readonly string[]): readonly string[] {
  const where = ['--kubeconfig', cluster.adminKubeconfig]
  const namespace = args.includes('--namespace') ? [] : ['--namespace', NAMESPACE]
  return endingWithUs([cluster.helmPath, ...args, ...where, ...namespace])
}

function kubectl(cluster: Cluster, args: readonly string[]): readonly string[] {
  return [cluster.kubectlPath, '--kubeconfig', cluster.adminKubeconfig, '-n', NAMESPACE, ...args]
}

/** Helm says that it waited in vain; what the pods and their events say is the reason. */
async function explained<Result>(cluster: Cluster, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    const pods = await runCommand(kubectl(cluster, ['get', 'pods', '-o', 'wide']))
    const warnings = ['get', 'events', '--field-selector', 'type=Warning']
    const events = await runCommand(kubectl(cluster, [...warnings, '--sort-by=.lastTimestamp']))
    const words = error instanceof Error ? error.message : String(error)
    const end = events.stdout.trim().split('\n').slice(-10).join('\n')
    throw new Error(`${words}\n\n${pods.stdout}\n${end}`, { cause: error })
  }
}
