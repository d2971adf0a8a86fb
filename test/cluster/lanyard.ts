import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packImages } from '../../deploy/images/build-images.ts'
import { dockerArchive } from '../../deploy/images/docker-archive.ts'
import { VERSION } from '../../platform/version.ts'
import type { Cluster } from './cluster.ts'
import { REPOSITORY } from './paths.ts'
import { type Log, withProgress } from './progress.ts'
import { mustRun, runCommand } from './run-command.ts'

const NAMESPACE = 'lanyard-system'
const RELEASE = 'lanyard'

/**
 * Builds the three images, makes them known to the node, and installs the chart. Where it is
 * installed already, what runs is replaced by what the tree holds now.
 */
export async function installLanyard(cluster: Cluster, log: Log): Promise<void> {
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
  const installed = await runCommand(helm(cluster, ['status', RELEASE]))
  if (installed.exitCode === 0) {
    await withProgress(log, 'Upgrading the Helm release', () => upgrade(cluster))
  } else await withProgress(log, 'Installing the Helm chart', () => install(cluster))
}

async function install(cluster: Cluster): Promise<void> {
  const command = ['install', RELEASE, ...chart(cluster), '--create-namespace']
  await explained(cluster, () => mustRun(helm(cluster, command)))
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
    ...['--set', `controlPlane.persistence.hostPath=${join(cluster.paths.volumes, 'lanyard')}`],
    ...['--wait', '--timeout', '180s'],
  ]
}

function helm(cluster: Cluster, args: readonly string[]): readonly string[] {
  const where = ['--kubeconfig', cluster.adminKubeconfig, '--namespace', NAMESPACE]
  return [cluster.helmPath, ...args, ...where]
}

function kubectl(cluster: Cluster, args: readonly string[]): readonly string[] {
  return [cluster.kubectlPath, '--kubeconfig', cluster.adminKubeconfig, '-n', NAMESPACE, ...args]
}

/** Helm says that it waited in vain; what the pods and their events say is the reason. */
async function explained<Result>(cluster: Cluster, work: () => Promise<Result>): Promise<void> {
  try {
    await work()
  } catch (error) {
    const pods = await runCommand(kubectl(cluster, ['get', 'pods', '-o', 'wide']))
    const warnings = ['get', 'events', '--field-selector', 'type=Warning']
    const events = await runCommand(kubectl(cluster, [...warnings, '--sort-by=.lastTimestamp']))
    const words = error instanceof Error ? error.message : String(error)
    const end = events.stdout.trim().split('\n').slice(-10).join('\n')
    throw new Error(`${words}\n\n${pods.stdout}\n${end}`, { cause: error })
  }
}
