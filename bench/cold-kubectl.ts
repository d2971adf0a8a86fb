import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Cluster } from '../test/cluster/cluster.ts'
import { type Log, withProgress } from '../test/cluster/progress.ts'
import { mustRun } from '../test/cluster/run-command.ts'
import type { BenchPlace } from './bench.ts'
import { BENCH_NAMESPACE, type BenchPod } from './bench-pods.ts'
import { inNetworkOf, withinSeconds } from './child-process.ts'
import type { Pair, Parts } from './figures.ts'
import { type Entrance, ownEntrances } from './peers.ts'
import { median } from './percentile.ts'
import { measureInTurns } from './turns.ts'

const ROUNDS = 20

/**
 * Milliseconds of `kubectl get pod`, a new process and a new connection each time, from a pod's network, directly and
 * through its sidecar in turns. What the API server serves is known to kubectl from the run before.
 */
export async function measureKubectl(
  cluster: Cluster,
  place: BenchPlace,
  log: Log,
): Promise<Parts['kubectlMs']> {
  const { pod } = place
  const folder = await mkdtemp(join(cluster.paths.root, 'kubectl-'))
  try {
    const entrances = ownEntrances(place)
    const commands = {
      direct: await commandOf(cluster, folder, 'direct', entrances.direct, pod),
      lanyard: await commandOf(cluster, folder, 'lanyard', entrances.lanyard, pod),
    }
    const time = async (name: keyof Pair) => {
      const began = performance.now()
      const output = await mustRun(
        inNetworkOf(place.containerPid, withinSeconds(30, commands[name])),
      )
      if (output.trim() !== `pod/${pod.name}`) throw new Error(`kubectl printed ${output}`)
      return performance.now() - began
    }
    // The first one learns what there is.
    for (const name of ['direct', 'lanyard'] as const) await time(name)
    const { results, calm } = await withProgress(log, `kubectl, ${2 * ROUNDS} processes`, () =>
      measureInTurns({
        ...{ names: ['direct', 'lanyard'] as const, rounds: ROUNDS, measure: time, log },
        figure: (ms: number) => ms,
      }),
    )
    return { direct: median(results.direct), lanyard: median(results.lanyard), calm }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A kubeconfig of its own for each way, as small as may be. */
async function commandOf(
  { kubectlPath }: Cluster,
  folder: string,
  name: string,
  { origin, tokenFile }: Entrance,
  pod: BenchPod,
): Promise<readonly string[]> {
  const file = join(folder, name)
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: origin, 'insecure-skip-tls-verify': true } }],
    users: [{ name, user: { tokenFile } }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: BENCH_NAMESPACE } }],
    'current-context': name,
  }
  await writeFile(file, JSON.stringify(config), { mode: 0o600 })
  const where = ['--kubeconfig', file, '--cache-dir', join(folder, `${name}-cache`)]
  return [kubectlPath, ...where, 'get', 'pod', pod.name, '-o', 'name']
}
