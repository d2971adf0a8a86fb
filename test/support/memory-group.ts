import { existsSync } from 'node:fs'
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { takeControllers } from '../cluster/cgroup-controllers.ts'

const ROOT = '/sys/fs/cgroup'

/** A control group that limits the memory of a process; cgroup v1 or v2. */
export interface MemoryGroup {
  /** The command line that runs another one inside. */
  within(argv: readonly string[]): readonly string[]
  /** What the kernel counts now, in bytes, sockets too. */
  bytes(): Promise<number>
  /** How often the kernel had to end something inside. */
  kills(): Promise<number>
  /** Once nothing runs inside. */
  remove(): Promise<void>
}

/** Makes one; undefined where this process may not. */
export async function createMemoryGroup(
  name: string,
  limitBytes: number,
): Promise<MemoryGroup | undefined> {
  const isSecond = existsSync(join(ROOT, 'cgroup.controllers'))
  const folder = join(ROOT, isSecond ? '' : 'memory', name)
  const file = (first: string, second: string) => join(folder, isSecond ? second : first)
  const sockets = join(folder, 'memory.kmem.tcp.limit_in_bytes')
  try {
    if (isSecond) await takeControllers(ROOT)
    await mkdir(folder)
    await writeFile(file('memory.limit_in_bytes', 'memory.max'), `${limitBytes}`)
    // v1 counts sockets apart, and only where there is a limit.
    if (!isSecond) await writeFile(sockets, `${2 ** 40}`)
  } catch {
    // Converted: the caller goes by resident memory.
    return undefined
  }
  const processes = join(folder, 'cgroup.procs')
  return {
    within: (argv) => ['sh', '-c', 'echo $$ > "$0" && exec "$@"', processes, ...argv],
    bytes: async () => {
      const used = await readNumber(file('memory.usage_in_bytes', 'memory.current'))
      const ofSockets = join(folder, 'memory.kmem.tcp.usage_in_bytes')
      return used + (isSecond ? 0 : await readNumber(ofSockets))
    },
    kills: async () => {
      const text = await readFile(file('memory.oom_control', 'memory.events'), 'utf8')
      return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0)
    },
    remove: () => rmdir(folder),
  }
}

async function readNumber(path: string): Promise<number> {
  return Number(await readFile(path, 'utf8').catch(() => '0'))
}
