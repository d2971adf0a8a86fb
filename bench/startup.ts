import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { HEALTH_PORT } from '../core/pods/sidecar-contract.ts'
import type { Cluster } from '../test/cluster/cluster.ts'
import { type Log, withProgress } from '../test/cluster/progress.ts'
import { BENCH_NAMESPACE, type BenchPeople, benchPod } from './bench-pods.ts'
import { withinSeconds } from './child-process.ts'
import { median } from './percentile.ts'
import { kubepodsCgroup } from './pod-processes.ts'

const SECONDS_EACH_MAX = 60

/**
 * Milliseconds from the start of the sidecar's program in a new pod to its first 200 of `/readyz`:
 * it listens, it is enrolled at the control plane, and it holds the pod's token. The median of
 * several pods, one after the other.
 */
export async function measureStartup(
  cluster: Cluster,
  people: BenchPeople,
  starts: number,
  log: Log,
): Promise<number> {
  const probe = startProbe(cluster, starts * SECONDS_EACH_MAX)
  try {
    await probe.nextLine()
    return await withProgress(log, `Starts of the sidecar, ${starts} pods`, async () => {
      const times: number[] = []
      for (let count = 0; count < starts; count += 1) {
        times.push(await startOnce(people, `start-${count}`, probe))
      }
      return median(times)
    })
  } finally {
    await probe.stop()
  }
}

async function startOnce(people: BenchPeople, name: string, probe: Probe): Promise<number> {
  const pod = JSON.stringify(benchPod(BENCH_NAMESPACE, name))
  await people.requester.must(['create', '-f', '-'], pod)
  try {
    return Number(await probe.nextLine())
  } finally {
    await people.admin.must(['delete', 'pod', '-n', BENCH_NAMESPACE, name, '--wait=true'])
  }
}

interface Probe {
  /** Throws when it has ended. */
  nextLine(): Promise<string>
  stop(): Promise<void>
}

/** A process on the node: its own pauses are not those of this one. */
function startProbe(cluster: Cluster, secondsMax: number): Probe {
  const script = [process.execPath, join(import.meta.dirname, 'startup-probe.ts')]
  const what = [kubepodsCgroup(cluster.name), '/app/main.cjs', String(HEALTH_PORT), '/readyz']
  const argv = cluster.nodeCommand(withinSeconds(secondsMax, [...script, ...what]))
  const [command = '', ...args] = argv
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    async nextLine() {
      const { value, done } = await lines.next()
      if (done === true) throw new Error('The probe of the start ended')
      return value
    },
    async stop() {
      child.stdin.end()
      await exited
    },
  }
}
