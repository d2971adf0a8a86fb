import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { z } from 'zod'
import { type Log, withProgress } from '../test/cluster/progress.ts'
import { findHelm, findKube } from '../test/support/find-kubernetes.ts'
import { startFloodedControlPlane } from '../test/support/flooded-control-plane.ts'
import { type decisionLoadOptions, decisionLoadResult } from './decision-load.ts'

type Load = z.infer<typeof decisionLoadOptions>
type Loaded = z.infer<typeof decisionLoadResult>

/** As its image runs it, on one core; the client has the other. */
const SERVER = ['taskset', '-c', '0', process.execPath, '--max-semi-space-size=64']
const CLIENT = ['taskset', '-c', '1', process.execPath]
const STREAMS = 8
const LOADS = [
  { title: '8 streams of 32 questions', streams: STREAMS, inFlight: 32, decisionsMax: 120_000 },
  { title: '8 streams of 2 questions', streams: STREAMS, inFlight: 2, decisionsMax: 20_000 },
  { title: 'one question after the other', streams: 1, inFlight: 1, decisionsMax: 3_000 },
] as const
/** The process that is measured makes so many before anything counts. */
const WARM_UP = { inFlight: 32, warmUpSeconds: 1, seconds: 30, decisionsMax: 60_000 }
/** Each client starts cold too. */
const CLIENT_WARM_UP_SECONDS = 1
const SECONDS_MAX = 30
const TICKS_PER_SECOND = 100

/**
 * What a durable decision costs, without a cluster: a control plane on one core behind a real
 * kube-apiserver, its database on this machine's disk, and sidecars' own code on the other core. CPU holds
 * on a busy machine; what happens in a second does not. `LANYARD_BENCH_NODE_FLAGS` are flags for the
 * control plane, such as those of a profile. Throws where Kubernetes has not been built.
 */
export async function measureDecisions(log: Log): Promise<string> {
  const [kube, helm] = [findKube(), findHelm()]
  if (kube === undefined || helm === undefined) {
    throw new Error('Kubernetes is not built yet: node test/cluster/prepare.ts builds it')
  }
  const flags = (process.env['LANYARD_BENCH_NODE_FLAGS'] ?? '').split(' ').filter((it) => it !== '')
  const controlPlane = await withProgress(log, 'Starting a control plane', () =>
    startFloodedControlPlane({ kube, helm, command: [...SERVER, ...flags] }),
  )
  try {
    const tokens: string[] = []
    while (tokens.length < STREAMS) tokens.push(await controlPlane.tokenOf('alice'))
    const address = `localhost:${controlPlane.process.grpcPort}`
    const shared = { address, caPem: controlPlane.caPem, question: QUESTION }
    const load = (streams: number, how: LoadShape) =>
      runClient({ ...shared, ...how, tokens: tokens.slice(0, streams) })
    await withProgress(log, 'Warming up', () => load(STREAMS, WARM_UP))
    const lines: string[] = []
    for (const { title, streams, ...how } of LOADS) {
      const before = await readCpuMs(controlPlane.process.pid)
      const loaded = await withProgress(log, title, () =>
        load(streams, { ...how, warmUpSeconds: CLIENT_WARM_UP_SECONDS, seconds: SECONDS_MAX }),
      )
      const serverMs = (await readCpuMs(controlPlane.process.pid)) - before
      lines.push(describe(title, serverMs, loaded))
    }
    return lines.join('')
  } finally {
    await controlPlane.close()
  }
}

type LoadShape = Pick<Load, 'inFlight' | 'warmUpSeconds' | 'seconds' | 'decisionsMax'>

const QUESTION: Load['question'] = {
  attributes: {
    ...{ verb: 'get', resourceRequest: true, apiGroup: '', apiVersion: 'v1', resource: 'pods' },
    ...{ namespace: 'team', name: 'bench', path: '/api/v1/namespaces/team/pods/bench' },
    ...{ subresource: '', alsoVerbs: [] },
  },
  ...{ container: 'main', targetContainer: '', refusedBecause: '', userAgent: 'bench' },
}

function describe(title: string, serverMs: number, loaded: Loaded): string {
  const { decisions, seconds, answered, cpuMs, p50Ms } = loaded
  const figures = [
    `${Math.round(decisions / seconds)} decisions/s`,
    `CPU of a decision: control plane ${(serverMs / answered).toFixed(4)} ms`,
    `client ${(cpuMs / decisions).toFixed(4)} ms`,
    `p50 ${p50Ms.toFixed(2)} ms`,
  ]
  return `${title}: ${figures.join(', ')}\n`
}

/** The client as a process of its own. Throws unless it ends well. */
function runClient(options: Load): Promise<Loaded> {
  const [program = '', ...args] = [...CLIENT, join(import.meta.dirname, 'decision-load.ts')]
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(JSON.stringify(options))
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      if (code === 0) resolve(decisionLoadResult.parse(JSON.parse(output)))
      else reject(new Error(`The client of the benchmark ended with ${code}`))
    })
  })
}

/** CPU that a process has used with all its threads, in user and system mode. */
async function readCpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / TICKS_PER_SECOND
}
