import { readFile } from 'node:fs/promises'
import { parseCpuMs } from '../../bench/cpu-time.ts'

/** What a process has taken from the machine so far, all its threads. */
export interface ProcessCosts {
  readonly cpuMs: number
  /** System calls that read, and that write: files, pipes and sockets. */
  readonly reads: number
  readonly writes: number
  /** Bytes that they moved. */
  readonly readBytes: number
  readonly writtenBytes: number
}

/** Reads /proc. Throws when the process has ended. */
export async function readProcessCosts(pid: number): Promise<ProcessCosts> {
  const io = await readFile(`/proc/${pid}/io`, 'utf8')
  const field = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(io)?.[1])
  return {
    cpuMs: parseCpuMs(await readFile(`/proc/${pid}/stat`, 'utf8')),
    ...{ reads: field('syscr'), writes: field('syscw') },
    ...{ readBytes: field('rchar'), writtenBytes: field('wchar') },
  }
}

/** What `work` takes from a process, for each of so many requests. */
export async function costsOf(
  pid: number,
  requests: number,
  work: () => Promise<void>,
): Promise<ProcessCosts> {
  const before = await readProcessCosts(pid)
  await work()
  const after = await readProcessCosts(pid)
  const each = (name: keyof ProcessCosts) => (after[name] - before[name]) / requests
  return {
    cpuMs: each('cpuMs'),
    ...{ reads: each('reads'), writes: each('writes') },
    ...{ readBytes: each('readBytes'), writtenBytes: each('writtenBytes') },
  }
}
