import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { z } from 'zod'
import {
  ADMISSION_GROUP,
  ADMISSION_VERSION,
  INJECTOR_SERVICE,
  SYSTEM_NAMESPACE,
} from '../core/names.ts'
import type { Cluster } from '../test/cluster/cluster.ts'
import { type Log, withProgress } from '../test/cluster/progress.ts'
import { mustRun } from '../test/cluster/run-command.ts'
import { BENCH_NAMESPACE, type BenchPeople, benchPod, PLAIN_NAMESPACE } from './bench-pods.ts'
import { withinSeconds } from './child-process.ts'
import type { Parts } from './figures.ts'
import { percentile } from './percentile.ts'
import { type webhookLoadOptions, webhookLoadResult } from './webhook-load.ts'

const WARM_UPS = 100

/**
 * Milliseconds that the injector takes for a pod: one AdmissionReview to the mutating webhook and one
 * to the validating webhook, which returns when the control plane has the pod's chain on disk. Not a
 * dry run; over HTTPS to the Service with kube-apiserver's own certificate, one connection, one pod
 * after the other. kube-apiserver's way to itself and through its aggregator is not in it.
 */
export async function measureWebhook(
  cluster: Cluster,
  people: BenchPeople,
  pairs: number,
  log: Log,
): Promise<Parts['webhook']> {
  const times = await withProgress(log, `Webhooks, ${WARM_UPS + pairs} pods`, () =>
    callWebhooks(cluster, people, pairs, 1),
  )
  const both = times.map(({ mutateMs, validateMs }) => mutateMs + validateMs)
  return { p50Ms: percentile(both, 50), p99Ms: percentile(both, 99) }
}

/** The same with so many pods under way at the same time; resolves with the milliseconds of each pair. */
export async function callWebhooks(
  cluster: Cluster,
  people: BenchPeople,
  pairs: number,
  inFlight: number,
): Promise<z.infer<typeof webhookLoadResult>> {
  const input = JSON.stringify({ ...(await loadOptions(cluster, people, pairs)), inFlight })
  const client = [process.execPath, join(import.meta.dirname, 'webhook-load.ts')]
  const output = await mustRun(cluster.nodeCommand(withinSeconds(120, client)), { input })
  return webhookLoadResult.parse(JSON.parse(output))
}

async function loadOptions(
  { paths }: Cluster,
  { admin, requester }: BenchPeople,
  pairs: number,
): Promise<Omit<z.infer<typeof webhookLoadOptions>, 'inFlight'>> {
  const service = ['get', 'service', INJECTOR_SERVICE, '-n', SYSTEM_NAMESPACE, '-o']
  const host = (await admin.must([...service, 'jsonpath={.spec.clusterIP}'])).stdout
  const apiService = ['get', 'apiservice', `${ADMISSION_VERSION}.${ADMISSION_GROUP}`, '-o']
  const encoded = (await admin.must([...apiService, 'jsonpath={.spec.caBundle}'])).stdout
  const who = (await requester.must(['auth', 'whoami', '-o', 'json'])).stdout
  const { status } = JSON.parse(who) as { status: { userInfo: Record<string, unknown> } }
  return {
    host,
    port: 443,
    serverName: `${INJECTOR_SERVICE}.${SYSTEM_NAMESPACE}.svc`,
    frontProxy: {
      cert: await readFile(join(paths.pki, 'front-proxy-client.crt'), 'utf8'),
      key: await readFile(join(paths.pki, 'front-proxy-client.key'), 'utf8'),
    },
    caPem: Buffer.from(encoded, 'base64').toString(),
    namespace: BENCH_NAMESPACE,
    userInfo: status.userInfo,
    pod: await admittedPod(requester),
    warmUps: WARM_UPS,
    pairs,
  }
}

/** The pod with what kube-apiserver fills in before it calls webhooks, from where nobody injects. */
async function admittedPod(requester: BenchPeople['requester']) {
  const create = ['create', '--dry-run=server', '-o', 'json', '-f', '-']
  const pod = JSON.stringify(benchPod(PLAIN_NAMESPACE, 'bench'))
  const { metadata, spec } = JSON.parse((await requester.must(create, pod)).stdout) as {
    readonly metadata: Record<string, unknown>
    readonly spec: Record<string, unknown>
  }
  const { uid: _, ...rest } = metadata
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...rest, namespace: BENCH_NAMESPACE },
    spec,
    status: {},
  }
}
