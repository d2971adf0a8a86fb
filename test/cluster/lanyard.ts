import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildImages } from '../../deploy/images/build-images.ts'
import { VERSION } from '../../platform/version.ts'
import type { Cluster } from './cluster.ts'
import { REPOSITORY } from './paths.ts'
import { type Log, withProgress } from './progress.ts'
import { mustRun } from './run-command.ts'

/** Builds the three images, makes them known to the node, and installs the chart. */
export async function installLanyard(cluster: Cluster, log: Log): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'lanyard-images-'))
  try {
    const images = await withProgress(log, 'Building the images of Lanyard', () =>
      buildImages(folder),
    )
    await withProgress(log, 'Loading the images of Lanyard', async () => {
      for (const image of images) await cluster.loadImage(image)
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  await withProgress(log, 'Installing the Helm chart', () =>
    mustRun([
      cluster.helmPath,
      ...['install', 'lanyard', join(REPOSITORY, 'deploy', 'chart')],
      ...['--kubeconfig', cluster.adminKubeconfig],
      ...['--namespace', 'lanyard-system', '--create-namespace'],
      ...['--set', `image.tag=${VERSION}`, '--set', 'image.pullPolicy=IfNotPresent'],
      ...['--set', 'persistence.type=hostPath'],
      ...['--wait', '--timeout', '180s'],
    ]),
  )
}
