import { dirname, join } from 'node:path'
import { ensureBinaries } from '../cluster/binaries.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { KUBERNETES_RELEASES } from '../cluster/kubernetes-versions.ts'
import { type Log, withProgress } from '../cluster/progress.ts'
import { createKubectl } from '../demo/kubectl.ts'
import { type Comparison, compareRuns, differingSpecs } from './compare-runs.ts'
import { KNOWN_DIFFERENCES } from './known-differences.ts'
import { readRun, runSuite, type SuiteRun } from './run-suite.ts'
import { ensureSuiteImages } from './suite-images.ts'
import { REQUESTER, suiteObjects } from './suite-objects.ts'
import type { SuitePrograms } from './suite-programs.ts'

export interface BothOptions {
  readonly focus: readonly string[]
  readonly processes: number
  readonly folder: string
  /** The direct run of an earlier call, in the same folder, is used again. */
  readonly reuseDirect: boolean
  readonly log: Log
}

/**
 * Runs the suite directly and then through the sidecar, and once more what differed and is not known to: a spec that
 * failed since the machine was busy passes then. Wants Lanyard installed.
 */
export async function runBoth(
  cluster: Cluster,
  programs: SuitePrograms,
  { focus, processes, folder, reuseDirect, log }: BothOptions,
): Promise<Comparison> {
  const { kubectlPath, kubernetes } = cluster
  const { pause } = await ensureBinaries(kubernetes, log)
  const images = await ensureSuiteImages({ ...programs, kubectl: kubectlPath, pause }, log)
  await withProgress(log, 'Loading the images of the suite', async () => {
    for (const image of images) await cluster.loadImage(image)
  })
  const path = `${dirname(kubectlPath)}:${process.env['PATH'] ?? ''}`
  const kubectl = (kubeconfig: string) => createKubectl({ kubectlPath, kubeconfig, path })
  const admin = kubectl(cluster.adminKubeconfig)
  const requester = kubectl(await cluster.kubeconfigFor(REQUESTER, []))
  await admin.must(['apply', '-f', '-'], JSON.stringify(suiteObjects()))
  const shared = { focus, processes, admin, log }
  const sidecar: SuiteRun = {
    ...shared,
    way: 'sidecar',
    title: 'Running the suite through the sidecar',
    author: requester,
    folder: join(folder, 'sidecar'),
  }
  const directly: SuiteRun = {
    ...shared,
    way: 'direct',
    title: 'Running the suite directly',
    author: admin,
    folder: join(folder, 'direct'),
  }
  const direct = await (reuseDirect ? readRun(directly.folder) : runSuite(directly))
  const through = await runSuite(sidecar)
  const runs = {
    kubernetes: KUBERNETES_RELEASES[kubernetes],
    direct,
    sidecar: through,
    known: KNOWN_DIFFERENCES,
  }
  const known = new Set(KNOWN_DIFFERENCES.map(({ spec }) => spec))
  const unexpected = differingSpecs(direct, through).filter((spec) => !known.has(spec))
  if (unexpected.length === 0) return compareRuns(runs)
  const again = await runSuite({
    ...sidecar,
    title: `Running ${unexpected.length} specs that differ once more`,
    focus: unexpected.map((spec) => `${escaped(spec)}$`),
    processes: 1,
    folder: join(folder, 'sidecar-again'),
  })
  return compareRuns({ ...runs, again })
}

/** A regular expression (RE2) that matches the text alone. */
function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
