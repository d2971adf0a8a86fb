import { readdir, readFile } from 'node:fs/promises'
import { SYSTEM_NAMESPACE } from '../core/names.ts'
import { databaseFile } from './audit-rows.ts'
import type { Bench } from './bench.ts'
import type { ProcessIds } from './cpu-time.ts'
import { giveOrdinaryWeight } from './cpu-weights.ts'
import { CREATE_PATHS, type MemoryFigures, PATHS, type Parts, type PathName } from './figures.ts'
import type { PartCollector } from './part-collector.ts'
import type { LoadPlace } from './path-load.ts'
import { measurePaths, type PathOptions, warmUpPaths } from './paths.ts'
import { type Peers, startPeers } from './peers.ts'
import { podProcess, readMemory } from './pod-processes.ts'
import { measureCopies, measureEchoes } from './sessions.ts'

const LOADS = ['one', 'many', 'create', 'echo', 'copy', 'memory'] as const
/** A create is slower than a read, and what it made has to be removed. */
const CREATE_SECONDS_MAX = 2

/** The paths from inside one pod under each load, and what its sidecar holds when they are done. */
export async function measureLoads(
  bench: Bench,
  parts: PartCollector,
  toMemory: (afterLoad: MemoryFigures) => Parts['memory'],
): Promise<void> {
  const { cluster, programs, options } = bench
  const [{ pod, sidecarPid, containerPid }] = bench.pods
  const { root } = cluster.paths
  const own = { programs, podUid: pod.uid, sidecarPid, containerPid, root }
  try {
    const peers = await startPeers({ ...own, databaseFile: databaseFile(cluster) })
    try {
      const paths = await pathOptions(peers, bench)
      await measureRequests(paths, parts)
      // Sessions come after it: what these take has a measurement of its own.
      await parts.measure('memory', async () => toMemory(await readMemory(sidecarPid)))
      await parts.measure('echo', () => measureEchoes(paths))
      await parts.measure('copy', () => measureCopies(paths))
    } finally {
      await peers.stop()
    }
  } catch (error) {
    options.log('The paths could not be compared')
    parts.fail(LOADS, error)
  }
}

async function pathOptions(peers: Peers, bench: Bench): Promise<PathOptions> {
  const { people, audit, options } = bench
  const [{ pod, containerPid }] = bench.pods
  const weighed = await lanyardProcesses(bench)
  const place: LoadPlace = {
    ...{ pod, containerPid, audit, admin: people.admin, peerRows: peers.rows },
    entrances: peers.entrances,
    processes: await allProcesses(peers, bench),
  }
  const { rounds, secondsEach, log } = options
  return {
    ...{ place, rounds, secondsEach, log },
    check: () => peers.check(),
    onRound: () => giveOrdinaryWeight(weighed),
  }
}

async function measureRequests(paths: PathOptions, parts: PartCollector): Promise<void> {
  await warmUpPaths(paths)
  const get = (connections: number) => ({ what: 'get', connections }) as const
  await parts.measure('one', () => measurePaths('A GET, one connection', PATHS, get(1), paths))
  await parts.measure('many', () => measurePaths('A GET, 16 connections', PATHS, get(16), paths))
  const create = { what: 'create', connections: 1 } as const
  const shorter = { ...paths, secondsEach: Math.min(paths.secondsEach, CREATE_SECONDS_MAX) }
  await parts.measure('create', () =>
    measurePaths('A POST, one connection', CREATE_PATHS, create, shorter),
  )
}

/** Everything between the client and the disk, kube-apiserver included, by path. */
async function allProcesses(
  peers: Peers,
  { cluster, pods, controlPlanePid }: Bench,
): Promise<Readonly<Record<PathName, ProcessIds>>> {
  const apiServer = { 'kube-apiserver': await findApiServer(cluster.paths.root) }
  const [{ sidecarPid }] = pods
  const own = { sidecar: sidecarPid, 'control plane': controlPlanePid }
  const { processes } = peers
  return {
    direct: apiServer,
    envoy: { ...processes.envoy, ...apiServer },
    'envoy-ext-authz': { ...processes['envoy-ext-authz'], ...apiServer },
    'envoy-ext-authz-recorded': { ...processes['envoy-ext-authz-recorded'], ...apiServer },
    lanyard: { ...own, ...apiServer },
  }
}

/** Every process of Lanyard that serves the pod: its sidecar, the control plane, the injectors. */
async function lanyardProcesses({ people, pods }: Bench): Promise<readonly number[]> {
  const list = ['get', 'pods', '-n', SYSTEM_NAMESPACE, '-o', 'jsonpath={.items[*].metadata.uid}']
  const uids = (await people.admin.must(list)).stdout.split(' ')
  const [{ pod }] = pods
  return Promise.all([pod.uid, ...uids].map((uid) => podProcess(uid, '/app/main.cjs')))
}

/** The cluster's kube-apiserver as the machine sees it. Throws unless there is just one. */
async function findApiServer(root: string): Promise<number> {
  const found: number[] = []
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    // A process that ended meanwhile is none of ours.
    const text = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '')
    const [, name] = text.split('\0')
    if (name === 'kube-apiserver' && text.includes(`${root}/`)) found.push(Number(entry))
  }
  const [pid, ...others] = found
  if (pid === undefined || others.length > 0) {
    throw new Error(`Want one kube-apiserver of the cluster, found ${found.length}`)
  }
  return pid
}
