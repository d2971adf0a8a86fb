import type { Cluster } from '../test/cluster/cluster.ts'
import { type Log, withProgress } from '../test/cluster/progress.ts'
import { mustRun } from '../test/cluster/run-command.ts'
import type { BenchPlace } from './bench.ts'
import { type BenchPeople, gatedPod, PLAIN_NAMESPACE } from './bench-pods.ts'
import { inNetworkOf, withinSeconds } from './child-process.ts'
import { createObjects } from './create-objects.ts'
import type { Pair, Parts } from './figures.ts'
import { samplePeak } from './peak.ts'
import { type Entrance, ownEntrances } from './peers.ts'
import { median } from './percentile.ts'
import { measureInTurns } from './turns.ts'

const PODS = 10_000
const CREATED_AT_ONCE = 16
const ROUNDS = 7
const PODS_PATH = `/api/v1/namespaces/${PLAIN_NAMESPACE}/pods`

/** One list: its time and its bytes. */
interface Listed {
  readonly ms: number
  readonly bytes: number
}

/**
 * The time of one list of many pods by curl, directly and through the sidecar in turns, and by how much the working
 * set of the sidecar's container grows at most. The pods are real ones that wait for a scheduling gate, in a
 * namespace without Lanyard. Throws when a list is not whole.
 */
export async function measureLists(
  cluster: Cluster,
  _people: BenchPeople,
  place: BenchPlace,
  log: Log,
): Promise<Parts['list']> {
  await withProgress(log, `Creating ${PODS} pods that nobody runs`, async () => {
    const { created, others } = await createObjects(cluster, cluster.adminKubeconfig, {
      ...{ path: PODS_PATH, object: gatedPod(PLAIN_NAMESPACE, ''), namePrefix: 'listed-' },
      ...{ count: PODS, inFlight: CREATED_AT_ONCE },
    })
    if (created !== PODS)
      throw new Error(`${PODS - created} were refused: ${JSON.stringify(others)}`)
  })
  const entrances = ownEntrances(place)
  // The first one fills kube-apiserver's caches.
  await list(entrances.direct, place.containerPid)
  const peak = samplePeak(place.sidecarPid)
  const { results, calm } = await withProgress(
    log,
    `Lists of ${PODS} pods, ${2 * ROUNDS} times`,
    () =>
      measureInTurns({
        ...{ names: ['direct', 'lanyard'] as const, rounds: ROUNDS, log },
        measure: (name: keyof Pair) => list(entrances[name], place.containerPid),
        figure: ({ ms }: Listed) => ms,
      }),
  )
  const { firstMiB, workingSetMiB } = await peak.stop()
  const ms = (name: keyof Pair) => median(results[name].map((listed) => listed.ms))
  const bytes = new Set([...results.direct, ...results.lanyard].map((listed) => listed.bytes))
  if (bytes.size !== 1) throw new Error(`The lists differ in size: ${[...bytes].join(', ')} bytes`)
  return {
    pods: PODS,
    megabytes: (results.direct[0]?.bytes ?? 0) / 1_000_000,
    ms: { direct: ms('direct'), lanyard: ms('lanyard'), calm },
    growthMiB: workingSetMiB - firstMiB,
  }
}

async function list({ origin, tokenFile }: Entrance, containerPid: number): Promise<Listed> {
  const program = `
    curl -sk -o /dev/null -H "Authorization: Bearer $(cat "$TOKEN_FILE")" \\
      -w '%{http_code} %{time_total} %{size_download}' "$URL"`
  const output = await mustRun(
    inNetworkOf(containerPid, withinSeconds(60, ['sh', '-c', program])),
    { env: { TOKEN_FILE: tokenFile, URL: `${origin}${PODS_PATH}?labelSelector=bench%3Dgated` } },
  )
  const [status, seconds, bytes] = output.split(' ')
  if (status !== '200') throw new Error(`The list was answered with ${output}`)
  return { ms: Number(seconds) * 1_000, bytes: Number(bytes) }
}
