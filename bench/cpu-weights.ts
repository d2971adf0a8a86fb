import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

const CGROUPS = '/sys/fs/cgroup'

interface Hierarchy {
  readonly folder: string
  readonly file: string
  /** What a process of ordinary priority weighs. */
  readonly ordinary: number
}

/**
 * Gives processes in containers the weight of an ordinary process. The peers, the client and
 * kube-apiserver run outside of pods; beside them a container that requests 10m of CPU weighs a
 * hundredth, and where the benchmark keeps all cores busy it would measure that request and nothing
 * of the program. Kubelet sets the weights of its own folders again from time to time.
 */
export async function giveOrdinaryWeight(pids: readonly number[]): Promise<void> {
  for (const pid of pids) {
    const groups = await readFile(`/proc/${pid}/cgroup`, 'utf8')
    for (const { path, weight } of cpuWeights(groups, pids.length)) await writeFile(path, weight)
  }
}

interface CpuWeight {
  readonly path: string
  readonly weight: string
}

/**
 * Reads /proc/PID/cgroup: the path in the hierarchy of the CPU controller, and how cgroup v1 calls
 * that hierarchy; under v2 there is only one, without a name.
 */
export function cpuFolder(groups: string): {
  readonly controllers: string | undefined
  readonly path: string
} {
  for (const line of groups.split('\n')) {
    const [, controllers = '', path = ''] = line.split(':')
    if (controllers.split(',').includes('cpu')) return { controllers, path }
  }
  return { controllers: undefined, path: /^0::(.*)$/m.exec(groups)?.[1] ?? '' }
}

/** Every folder from a container's up to the top; those that hold several pods weigh for all. */
function cpuWeights(groups: string, processes: number): readonly CpuWeight[] {
  const { controllers, path } = cpuFolder(groups)
  const { folder, file, ordinary } = hierarchy(controllers)
  const weights: CpuWeight[] = []
  for (let at = join(folder, path); at.length > folder.length; at = dirname(at)) {
    const isOfOnePod = /\/pod[^/]+/.test(at.slice(folder.length))
    const weight = String(isOfOnePod ? ordinary : ordinary * processes)
    if (existsSync(join(at, file))) weights.push({ path: join(at, file), weight })
  }
  return weights
}

/** `controllers` is how cgroup v1 calls the hierarchy; undefined under v2. */
function hierarchy(controllers: string | undefined): Hierarchy {
  if (controllers === undefined) return { folder: CGROUPS, file: 'cpu.weight', ordinary: 100 }
  const own = join(CGROUPS, controllers)
  const folder = existsSync(own) ? own : join(CGROUPS, 'cpu')
  return { folder, file: 'cpu.shares', ordinary: 1_024 }
}
