import { readFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import type { z } from 'zod'
import type { Question } from '../core/authorization/question.ts'
import { CONTROL_PLANE_TOKEN_PATH } from '../core/pods/sidecar-contract.ts'
import { waitFor } from '../test/cluster/control.ts'
import { type Log, withProgress } from '../test/cluster/progress.ts'
import { mustRun } from '../test/cluster/run-command.ts'
import type { Kubectl } from '../test/demo/kubectl.ts'
import type { AuditRows } from './audit-rows.ts'
import { BENCH_NAMESPACE, type BenchPod } from './bench-pods.ts'
import { inNetworkOf, withinSeconds } from './child-process.ts'
import { type decisionLoadOptions, decisionLoadResult } from './decision-load.ts'
import { podProcess } from './pod-processes.ts'

export interface DecisionOptions {
  readonly admin: Kubectl
  /** Injected pods whose tokens the client uses. */
  readonly pods: readonly BenchPod[]
  readonly audit: AuditRows
  readonly seconds: number
  readonly log: Log
}

const WARM_UP_SECONDS = 3
const STREAMS = 8
const IN_FLIGHT_EACH = 32
const CONTROL_PLANE = ['-n', 'lanyard-system', 'pod/lanyard-control-plane-0']
const SERVER_CORE = 0

/**
 * Durable decisions a second of the control plane in the cluster, its process on one core for the
 * time. A decision here is all of it: the question over gRPC with TLS, the policy, the row in SQLite
 * with its log synced (those that come together share one transaction), the answer, and afterwards the
 * outcome, a record of its own. The client is another process on the
 * other cores. Throws unless the rows grew by just what was answered.
 */
export async function measureDecisions(options: DecisionOptions): Promise<number> {
  const { admin, pods, audit, seconds, log } = options
  const uid = (await admin.must(['get', ...CONTROL_PLANE, '-o', 'jsonpath={.metadata.uid}'])).stdout
  const pid = await podProcess(uid, '/app/main.cjs')
  const rows = () => pods.reduce((sum, pod) => sum + audit.decisions(pod.uid), 0)
  const open = () => pods.reduce((sum, pod) => sum + audit.open(pod.uid), 0)
  const input = JSON.stringify(await loadOptions(options))
  const before = rows()
  const client = [...pinned(), process.execPath, join(import.meta.dirname, 'decision-load.ts')]
  const limit = WARM_UP_SECONDS + seconds + 60
  const output = await withProgress(
    log,
    `Decisions of one control plane (about ${seconds} s)`,
    () => onOneCore(pid, () => mustRun(inNetworkOf(pid, withinSeconds(limit, client)), { input })),
  )
  const result = decisionLoadResult.parse(JSON.parse(output))
  await waitFor('the outcome of every decision', 20_000, () => open() === 0)
  const recorded = rows() - before
  if (recorded !== result.answered) {
    throw new Error(`${result.answered} decisions were answered and ${recorded} are on record`)
  }
  return result.decisions / result.seconds
}

async function loadOptions(options: DecisionOptions): Promise<z.infer<typeof decisionLoadOptions>> {
  const tokens = await Promise.all(options.pods.map((pod) => readToken(pod)))
  const authority = ['get', 'apiservice', 'v1alpha1.access.lanyard.dev']
  const caBundle = ['-o', 'jsonpath={.spec.caBundle}']
  const encoded = (await options.admin.must([...authority, ...caBundle])).stdout
  return {
    address: 'localhost:8443',
    caPem: Buffer.from(encoded, 'base64').toString(),
    tokens: Array.from({ length: STREAMS }, (_, index) => tokens[index % tokens.length] ?? ''),
    inFlight: IN_FLIGHT_EACH,
    warmUpSeconds: WARM_UP_SECONDS,
    seconds: options.seconds,
    question: question(options.pods[0]?.name ?? ''),
  }
}

/** As the sidecar puts the benchmark's GET of one pod. */
function question(name: string): Question {
  return {
    attributes: {
      verb: 'get',
      resourceRequest: true,
      apiGroup: '',
      apiVersion: 'v1',
      resource: 'pods',
      namespace: BENCH_NAMESPACE,
      name,
      path: `/api/v1/namespaces/${BENCH_NAMESPACE}/pods/${name}`,
      subresource: '',
      alsoVerbs: [],
    },
    container: 'main',
    targetContainer: '',
    refusedBecause: '',
    userAgent: 'bench',
  }
}

/** The one that kubelet put into the pod: nobody else gets a token for the control plane. */
async function readToken({ uid }: BenchPod): Promise<string> {
  const pid = await podProcess(uid, '/app/main.cjs')
  const file = join(`/proc/${pid}/root`, CONTROL_PLANE_TOKEN_PATH, 'token')
  return (await readFile(file, 'utf8')).trim()
}

/** Keeps all threads of a process on one core while `work` runs. */
async function onOneCore<Result>(pid: number, work: () => Promise<Result>): Promise<Result> {
  const bind = (cores: string) => mustRun(['taskset', '-a', '-p', '-c', cores, String(pid)])
  await bind(String(SERVER_CORE))
  try {
    return await work()
  } finally {
    await bind(`0-${cpus().length - 1}`)
  }
}

/** Away from the core of the server; where there is only one, both share it. */
function pinned(): readonly string[] {
  const last = cpus().length - 1
  return last === 0 ? [] : ['taskset', '-c', `${SERVER_CORE + 1}-${last}`]
}
