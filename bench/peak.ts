import { readMemory } from './pod-processes.ts'

const EVERY_MS = 50

/** Memory at the beginning of a sampling and at most, MiB. */
export interface Peak {
  readonly firstMiB: number
  readonly workingSetMiB: number
}

/** Looks at the working set of a process's container every now and then, until it is stopped. */
export function samplePeak(pid: number): { stop(): Promise<Peak> } {
  const seen: number[] = []
  const look = async () => void seen.push((await readMemory(pid)).workingSetMiB)
  let stopped = false
  const looking = (async () => {
    while (!stopped) {
      await look()
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS))
    }
  })()
  // Whoever stops it hears of it; until then it must not end the process.
  looking.catch(() => undefined)
  return {
    async stop() {
      stopped = true
      await looking
      await look()
      return { firstMiB: seen[0] ?? 0, workingSetMiB: Math.max(...seen) }
    },
  }
}
