import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A process of a pod, seen from the machine: the cluster's namespaces are inside this one. */
export interface PodProcess {
  readonly pid: number
  readonly command: string
}

const MIB = 1_024 * 1_024
const CGROUPS = '/sys/fs/cgroup'

/** Everything that runs in a pod's cgroups. */
export async function podProcesses(podUid: string): Promise<readonly PodProcess[]> {
  const found: PodProcess[] = []
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const cgroup = await read(join('/proc', entry, 'cgroup'))
    if (!cgroup.includes(`/pod${podUid}/`)) continue
    const command = (await read(join('/proc', entry, 'cmdline'))).replaceAll('\0', ' ').trim()
    found.push({ pid: Number(entry), command })
  }
  return found
}

/** The one process whose command line contains `words`. Throws when there is none or more. */
export async function podProcess(podUid: string, words: string): Promise<number> {
  const all = await podProcesses(podUid)
  const [first, ...others] = all.filter(({ command }) => command.includes(words))
  if (first !== undefined && others.length === 0) return first.pid
  const seen = all.map(({ pid, command }) => `${pid} ${command}`).join('; ')
  throw new Error(`Want one process with "${words}" in pod ${podUid}, which has: ${seen}`)
}

/** How much memory a process and its container hold, MiB. */
export interface Memory {
  /** What the container's cgroup holds besides file pages that could be dropped immediately. */
  readonly workingSetMiB: number
  /** Pages of the process alone; the runtime's own file is shared by all sidecars of a node. */
  readonly privateMiB: number
  readonly rssMiB: number
}

/** What a process of a container and that container hold now. Throws when it has ended. */
export async function readMemory(pid: number): Promise<Memory> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8')
  const kib = (field: string) => numberAfter(rollup, `${field}:`)
  return {
    workingSetMiB: (await readWorkingSet(pid)) / MIB,
    privateMiB: (kib('Private_Clean') + kib('Private_Dirty')) / 1_024,
    rssMiB: kib('Rss') / 1_024,
  }
}

/** As kubelet reckons it, in bytes; the files are called otherwise under cgroup v1. */
async function readWorkingSet(pid: number): Promise<number> {
  const groups = await readFile(`/proc/${pid}/cgroup`, 'utf8')
  const old = /^\d+:memory:(.*)$/m.exec(groups)?.[1]
  const path = old ?? /^0::(.*)$/m.exec(groups)?.[1] ?? ''
  const folder = join(CGROUPS, old === undefined ? '' : 'memory', path)
  const usageFile = old === undefined ? 'memory.current' : 'memory.usage_in_bytes'
  const inactive = old === undefined ? 'inactive_file' : 'total_inactive_file'
  const usage = Number(await readFile(join(folder, usageFile), 'utf8'))
  const statistics = await readFile(join(folder, 'memory.stat'), 'utf8')
  return usage - numberAfter(statistics, inactive)
}

/** Folder of the cgroups of a cluster's pods. */
export function kubepodsCgroup(cluster: string): string {
  const hierarchy = existsSync(join(CGROUPS, 'cgroup.controllers')) ? '' : 'memory'
  return join(CGROUPS, hierarchy, `lanyard-test-${cluster}`, 'kubepods')
}

function numberAfter(text: string, name: string): number {
  const value = new RegExp(`^${name}\\s+(\\d+)`, 'm').exec(text)?.[1]
  if (value === undefined) throw new Error(`There is no "${name}" in what the kernel says`)
  return Number(value)
}

/** Processes end while one looks: what is gone reads as empty. */
function read(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '')
}
