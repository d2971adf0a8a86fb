import { readdir, readFile } from 'node:fs/promises'

type HarnessProgram = 'keeper' | 'supervisor'

/**
 * Ids of the processes that run a cluster, as the machine sees them; whatever they started dies with
 * them. Found by command line and not by a file of ids: after a crash a file may name anyone.
 */
export async function harnessProcesses(
  cluster: string,
  programs: readonly HarnessProgram[] = ['keeper', 'supervisor'],
): Promise<readonly number[]> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found: number[] = []
  for (const id of ids) {
    // A process that ended in the meantime has no file any more, and is none of ours.
    const text = await readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')
    if (runsHarness(text.split('\0'), cluster, programs)) found.push(Number(id))
  }
  return found
}

/** True for `… /test/cluster/PROGRAM.ts CLUSTER …`, whatever started it and wherever it lies. */
export function runsHarness(
  argv: readonly string[],
  cluster: string,
  programs: readonly HarnessProgram[],
): boolean {
  return argv.some(
    (argument, index) =>
      argv[index + 1] === cluster &&
      programs.some((program) => argument.endsWith(`/test/cluster/${program}.ts`)),
  )
}

/** Ends a process immediately. One that is gone already is as good. */
export function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    // It ended by itself in the meantime, which is what was wanted.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
