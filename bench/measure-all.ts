import { SYSTEM_NAMESPACE } from '../core/names.ts'
import type { Cluster } from '../test/cluster/cluster.ts'
import type { Log } from '../test/cluster/progress.ts'
import type { Kubectl } from '../test/demo/kubectl.ts'
import { type AuditRows, openAuditRows } from './audit-rows.ts'
import { type BenchPod, prepareNamespaces, startPods } from './bench-pods.ts'
import { giveOrdinaryWeight } from './cpu-weights.ts'
import { measureDecisions } from './decisions.ts'
import type { Figures } from './figures.ts'
import { describeMachine } from './machine.ts'
import { measurePaths } from './paths.ts'
import { startPeers } from './peers.ts'
import { podProcess, readMemory } from './pod-processes.ts'
import { ensurePrograms, type Programs } from './programs.ts'
import { measureStartup } from './startup.ts'
import { measureWebhook } from './webhook.ts'

export interface BenchOptions {
  /** Rounds in which the paths take turns. */
  readonly rounds: number
  /** Of each path in a round. */
  readonly secondsEach: number
  readonly log: Log
}

const STARTS = 7
const WEBHOOK_PAIRS = 500
const DECISION_SECONDS = 15

/** Measures every figure on a cluster where Lanyard is installed and nothing else runs. */
export async function measureAll(cluster: Cluster, options: BenchOptions): Promise<Figures> {
  const { log } = options
  const programs = await ensurePrograms(log)
  const people = await prepareNamespaces(cluster)
  const machine = await describeMachine(people.admin)
  const readyMs = await measureStartup(cluster, people, STARTS, log)
  const pods = await startPods(people, ['agent', 'agent-2', 'agent-3'], log)
  const [pod] = pods
  if (pod === undefined) throw new Error('No pod was started')
  const audit = openAuditRows(cluster)
  try {
    const own = await lanyardProcesses(people.admin, pod)
    const peers = { programs, root: cluster.paths.root }
    const { paths, memory } = await measurePod(pod, peers, audit, own, options)
    const webhook = await measureWebhook(cluster, people, WEBHOOK_PAIRS, log)
    // Last: it leaves some hundred thousand rows behind.
    const decisionsPerSecond = await measureDecisions({
      admin: people.admin,
      pods,
      audit,
      seconds: DECISION_SECONDS,
      log,
    })
    return { paths, decisionsPerSecond, sidecar: { readyMs, ...memory }, webhook, machine }
  } finally {
    audit.close()
  }
}

/** Processes of Lanyard that serve the pod: its sidecar, the control plane, the injectors. */
async function lanyardProcesses(admin: Kubectl, pod: BenchPod): Promise<readonly number[]> {
  const list = ['get', 'pods', '-n', SYSTEM_NAMESPACE, '-o', 'jsonpath={.items[*].metadata.uid}']
  const uids = (await admin.must(list)).stdout.split(' ')
  return Promise.all([pod.uid, ...uids].map((uid) => podProcess(uid, '/app/main.cjs')))
}

/** The paths from inside one pod, and what its sidecar holds when they are done. */
async function measurePod(
  pod: BenchPod,
  { programs, root }: { readonly programs: Programs; readonly root: string },
  audit: AuditRows,
  own: readonly number[],
  options: BenchOptions,
) {
  const sidecar = await podProcess(pod.uid, '/app/main.cjs')
  const containerPid = await podProcess(pod.uid, 'echo tick')
  const peers = await startPeers(programs, { sidecar, container: containerPid }, root)
  try {
    const onRound = () => giveOrdinaryWeight(own)
    const paths = await measurePaths({ ...options, pod, containerPid, peers, audit, onRound })
    return { paths, memory: await readMemory(sidecar) }
  } finally {
    await peers.stop()
  }
}
