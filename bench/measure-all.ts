import { SYSTEM_NAMESPACE } from '../core/names.ts'
import type { Cluster } from '../test/cluster/cluster.ts'
import type { Log } from '../test/cluster/progress.ts'
import type { Kubectl } from '../test/demo/kubectl.ts'
import { openAuditRows } from './audit-rows.ts'
import type { Bench, BenchOptions } from './bench.ts'
import { type BenchPeople, prepareNamespaces, startPods } from './bench-pods.ts'
import { measureBurst } from './burst.ts'
import { measureKubectl } from './cold-kubectl.ts'
import { measureDecisions } from './decisions.ts'
import type { Figures, MemoryFigures } from './figures.ts'
import { measureLists } from './lists.ts'
import { describeMachine } from './machine.ts'
import { measureLoads } from './measure-loads.ts'
import { measureCrowded } from './neighbours.ts'
import { PartCollector } from './part-collector.ts'
import { podProcess, readMemory } from './pod-processes.ts'
import { ensurePrograms } from './programs.ts'
import { measureStartup } from './startup.ts'
import { measureWatches } from './watches.ts'
import { measureWebhook } from './webhook.ts'

const STARTS = 7
const WEBHOOK_PAIRS = 500
const DECISION_SECONDS = 15

/**
 * Measures every figure on a cluster where Lanyard is installed and nothing else runs. A part that fails is
 * missing in the figures, with the reason; the others are measured all the same.
 */
export async function measureAll(cluster: Cluster, options: BenchOptions): Promise<Figures> {
  const { log, only } = options
  const programs = await ensurePrograms(log)
  const people = await prepareNamespaces(cluster)
  const machine = await describeMachine(people.admin)
  log(`The machine is ${Math.round(machine.idle * 100)} % idle before anything is measured`)
  const pods = await startPlaces(people, log)
  const audit = openAuditRows(cluster)
  const controlPlanePid = await readControlPlanePid(people.admin)
  const bench: Bench = { cluster, programs, people, pods, audit, controlPlanePid, options }
  try {
    const parts = new PartCollector(only, log)
    await measureParts(bench, parts)
    return { ...parts.finish(), machine }
  } finally {
    audit.close()
  }
}

/** In an order in which no part spoils the next: the largest tables last. */
async function measureParts(bench: Bench, parts: PartCollector): Promise<void> {
  const { cluster, people, audit, options } = bench
  const { log } = options
  const [loaded, fresh, plain] = bench.pods
  await parts.measure('readyMs', () => measureStartup(cluster, people, STARTS, log))
  // By now it has been there for a while, and nobody has asked it anything.
  const atRest = await readMemory(fresh.sidecarPid)
  await parts.measure('crowdedP99Ms', () => measureCrowded(people, { ...plain, audit }, log))
  if (parts.wants('one', 'many', 'create', 'echo', 'copy', 'memory')) {
    await measureLoads(bench, parts, (afterLoad: MemoryFigures) => ({ atRest, afterLoad }))
  }
  await parts.measure('kubectlMs', () => measureKubectl(cluster, loaded, log))
  await parts.measure('watches', () => measureWatches(fresh, log))
  await parts.measure('webhook', () => measureWebhook(cluster, people, WEBHOOK_PAIRS, log))
  await parts.measure('burst', () => measureBurst(cluster, people, log))
  await parts.measure('list', () => measureLists(cluster, people, plain, log))
  // Last: it leaves some hundred thousand rows behind.
  await parts.measure('decisionsPerSecond', () =>
    measureDecisions({
      ...{ admin: people.admin, audit, seconds: DECISION_SECONDS, log },
      pods: bench.pods.map(({ pod }) => pod),
    }),
  )
}

async function startPlaces(people: BenchPeople, log: Log): Promise<Bench['pods']> {
  const pods = await startPods(people, ['agent', 'agent-2', 'agent-3'], log)
  const places = await Promise.all(
    pods.map(async (pod) => ({
      pod,
      admin: people.admin,
      sidecarPid: await podProcess(pod.uid, SIDECAR),
      containerPid: await podProcess(pod.uid, 'echo tick'),
    })),
  )
  const [first, second, third] = places
  if (first === undefined || second === undefined || third === undefined) {
    throw new Error('No pods were started')
  }
  return [first, second, third]
}

const SIDECAR = '/app/main.cjs'

async function readControlPlanePid(admin: Kubectl): Promise<number> {
  const what = ['get', '-n', SYSTEM_NAMESPACE, 'pod/lanyard-control-plane-0']
  const uid = (await admin.must([...what, '-o', 'jsonpath={.metadata.uid}'])).stdout
  return podProcess(uid, SIDECAR)
}
