import { readFile } from 'node:fs/promises'

/** Milliseconds of a tick in /proc: the kernel shows 100 a second to programs, whatever it counts in. */
const TICK_MS = 10

/** Processes of a path by what they are. */
export type ProcessIds = Readonly<Record<string, number>>
/** Milliseconds of CPU by process. */
export type CpuMs = Readonly<Record<string, number>>

/**
 * Milliseconds of CPU that each process has used so far, all threads, in user mode and in the kernel.
 * Throws when one has ended.
 */
export async function readCpuMs(processes: ProcessIds): Promise<CpuMs> {
  const entries = Object.entries(processes).map(async ([name, pid]) => {
    const cpuMs = parseCpuMs(await readFile(`/proc/${pid}/stat`, 'utf8'))
    return [name, cpuMs] as const
  })
  return Object.fromEntries(await Promise.all(entries))
}

/** `utime` and `stime` of /proc/PID/stat, in milliseconds. Throws for any other text. */
export function parseCpuMs(stat: string): number {
  // The command may hold spaces and parentheses; the last one ends it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = Number(fields[11]) + Number(fields[12])
  if (!Number.isFinite(ticks)) throw new Error(`Cannot read CPU time from "${stat.trim()}"`)
  return ticks * TICK_MS
}

/** What each process used between two readings, for each of so many requests. */
export function cpuPerRequest(before: CpuMs, after: CpuMs, requests: number): CpuMs {
  const used = Object.entries(after).map(
    ([name, cpuMs]) => [name, (cpuMs - (before[name] ?? 0)) / requests] as const,
  )
  return Object.fromEntries(used)
}
