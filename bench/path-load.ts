import { randomBytes } from 'node:crypto'
import { waitFor } from '../test/cluster/control.ts'
import { mustRun } from '../test/cluster/run-command.ts'
import type { Kubectl } from '../test/demo/kubectl.ts'
import type { AuditRows } from './audit-rows.ts'
import { BENCH_NAMESPACE, type BenchPod } from './bench-pods.ts'
import { inNetworkOf, withinSeconds } from './child-process.ts'
import { type CpuMs, cpuPerRequest, type ProcessIds, readCpuMs } from './cpu-time.ts'
import type { PathName } from './figures.ts'
import type { PeerRows } from './peer-rows.ts'
import type { Entrance } from './peers.ts'
import { parseWrkOutput, type WrkResult, wrkCommand } from './wrk.ts'

/** From where requests are sent, by which ways, and what they leave behind. */
export interface LoadPlace<Name extends PathName = PathName> {
  readonly pod: BenchPod
  /** A process in whose network the client runs. */
  readonly containerPid: number
  readonly entrances: Readonly<Record<Name, Entrance>>
  /** Every process on a path but the client. */
  readonly processes: Readonly<Record<Name, ProcessIds>>
  readonly audit: AuditRows
  /** Undefined where there are no peers. */
  readonly peerRows: PeerRows | undefined
  readonly admin: Kubectl
}

/** What is sent on each path alike. */
export interface LoadShape {
  readonly what: 'get' | 'create'
  readonly connections: number
  readonly seconds: number
}

/** One path under one load. */
export interface LoadResult extends WrkResult {
  /** Milliseconds of CPU a request, by process. */
  readonly cpuMs: CpuMs
}

/**
 * Sends one load over one path. Throws when an answer is wrong, or when the rows on record have not grown by
 * just the requests of a path that records, in its own database alone.
 */
export async function runLoad<Name extends PathName>(
  path: Name,
  shape: LoadShape,
  place: LoadPlace<Name>,
): Promise<LoadResult> {
  const { pod, audit, peerRows, processes } = place
  const rows = () => ({
    lanyard: audit.decisions(pod.uid),
    peer: peerRows?.decisions(pod.uid) ?? 0,
  })
  const before = rows()
  const cpuBefore = await readCpuMs(processes[path])
  const result = await runWrk(path, shape, place)
  // What was under way when wrk hung up is decided and ends a moment later.
  await waitFor('the outcome of every request', 5_000, () => audit.open(pod.uid) === 0)
  const cpuAfter = await readCpuMs(processes[path])
  const after = rows()
  const recorded = { lanyard: after.lanyard - before.lanyard, peer: after.peer - before.peer }
  checkRecords(path, result.requests, recorded, shape.connections)
  return { ...result, cpuMs: cpuPerRequest(cpuBefore, cpuAfter, result.requests) }
}

async function runWrk<Name extends PathName>(
  path: Name,
  { what, connections, seconds }: LoadShape,
  { pod, entrances, containerPid, admin }: LoadPlace<Name>,
): Promise<WrkResult> {
  const { origin, tokenFile } = entrances[path]
  const prefix = what === 'create' ? `made-${randomBytes(6).toString('hex')}` : ''
  const target = what === 'create' ? MAPS : podPath(pod)
  const command = wrkCommand(`${origin}${target}`, connections, seconds)
  const output = await mustRun(inNetworkOf(containerPid, withinSeconds(seconds + 20, command)), {
    env: { TOKEN_FILE: tokenFile, CREATE_PREFIX: prefix },
  })
  const made = `${MAPS}?labelSelector=bench%3D${prefix}`
  if (prefix !== '') await admin.must(['delete', '--raw', made])
  return parseWrkOutput(output)
}

const MAPS = `/api/v1/namespaces/${BENCH_NAMESPACE}/configmaps`

/** Path of the pod itself, which it reads. */
export function podPath({ name }: Pick<BenchPod, 'name'>): string {
  return `/api/v1/namespaces/${BENCH_NAMESPACE}/pods/${name}`
}

/** Throws unless each request is on record where its path records, and nothing anywhere else. */
export function checkRecords(
  path: PathName,
  requests: number,
  recorded: Readonly<Record<'lanyard' | 'peer', number>>,
  connections: number,
): void {
  const recorders = { lanyard: 'lanyard', peer: 'envoy-ext-authz-recorded' } as const
  for (const who of ['lanyard', 'peer'] as const) {
    const records = path === recorders[who]
    // wrk does not count those that are under way when its time is over.
    const [min, max] = records ? [requests, requests + connections] : [0, 0]
    if (recorded[who] >= min && recorded[who] <= max) continue
    throw new Error(
      `${requests} requests over ${path} put ${recorded[who]} decisions on the record of ${recorders[who]}, wanted ${min} to ${max}`,
    )
  }
}
