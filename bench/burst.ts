import type { Cluster } from '../test/cluster/cluster.ts'
import { type Log, withProgress } from '../test/cluster/progress.ts'
import { BENCH_NAMESPACE, type BenchPeople, gatedPod } from './bench-pods.ts'
import { createObjects } from './create-objects.ts'
import type { Parts } from './figures.ts'
import { quantileBetween, readBuckets } from './histogram.ts'
import { percentile } from './percentile.ts'
import { callWebhooks } from './webhook.ts'

const PODS = 2_000
/** Calls of webhooks that are timed where they are served: as many as requests elsewhere. */
const CALLED_AT_ONCE = 16
/** As many as kube-apiserver lets one user have under way, about. */
const CREATED_AT_ONCE = 200
const HISTOGRAM = 'apiserver_admission_webhook_admission_duration_seconds'

/**
 * Many pods at the same time, in two ways. First the webhooks alone, as `measureWebhook` calls them, some pods at the
 * same time, with the time of each call. Then as many pods by the root requester through kube-apiserver, as fast as
 * it takes them from her, gated so that nothing runs them: how many were refused, and what kube-apiserver's own
 * histogram says.
 */
export async function measureBurst(
  cluster: Cluster,
  people: BenchPeople,
  log: Log,
): Promise<Parts['burst']> {
  const called = await withProgress(log, `Webhooks, ${PODS} pods, ${CALLED_AT_ONCE} together`, () =>
    callWebhooks(cluster, people, PODS, CALLED_AT_ONCE),
  )
  const times = called.flatMap(({ mutateMs, validateMs }) => [mutateMs, validateMs])
  const before = await readHistogram(people)
  const { created, seconds, others } = await withProgress(
    log,
    `A burst of ${PODS} pods, ${CREATED_AT_ONCE} together`,
    () =>
      createObjects(cluster, people.requesterKubeconfig, {
        path: PODS_PATH,
        object: gatedPod(BENCH_NAMESPACE, ''),
        namePrefix: 'burst-',
        ...{ count: PODS, inFlight: CREATED_AT_ONCE },
      }),
  )
  const after = await readHistogram(people)
  const gated = `${PODS_PATH}?labelSelector=bench%3Dgated`
  await withProgress(log, 'Removing the pods', () => people.admin.must(['delete', '--raw', gated]))
  for (const [answer, count] of Object.entries(others)) log(`${count} pods of the burst: ${answer}`)
  return {
    pods: PODS,
    p50Ms: percentile(times, 50),
    p99Ms: percentile(times, 99),
    refused: PODS - created,
    createdPerSecond: created / seconds,
    apiServerP99Ms: 1_000 * quantileBetween(before, after, 0.99),
  }
}

const PODS_PATH = `/api/v1/namespaces/${BENCH_NAMESPACE}/pods`

async function readHistogram({ admin }: BenchPeople) {
  const text = (await admin.must(['get', '--raw', '/metrics'])).stdout
  return readBuckets(text, HISTOGRAM, 'lanyard')
}
