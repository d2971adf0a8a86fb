import { constants } from 'node:os'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
type Signal = (typeof SIGNALS)[number]

/** What hears signals and can end: the process, except in a test. */
export interface Interruptible {
  on(signal: Signal, listener: (signal: Signal) => void): unknown
  off(signal: Signal, listener: (signal: Signal) => void): unknown
  exit(code: number): void
}

/**
 * Runs `work`. On SIGINT, SIGTERM or SIGHUP it cleans up and ends the process as a shell expects,
 * with 128 and the number of the signal, whatever has become of `work` by then. Only the first signal
 * counts: npm and a terminal both send the one of a Ctrl-C.
 */
export async function cleaningUpOnSignal<Result>(
  work: () => Promise<Result>,
  cleanUp: (signal: string) => Promise<void>,
  target: Interruptible = process,
): Promise<Result> {
  let interrupted = false
  const listener = (signal: Signal) => {
    if (interrupted) return
    interrupted = true
    void cleanUp(signal)
      .catch((error: unknown) => console.error(error instanceof Error ? error.message : error))
      .finally(() => target.exit(128 + constants.signals[signal]))
  }
  for (const signal of SIGNALS) target.on(signal, listener)
  try {
    return await work()
  } finally {
    // Work that was interrupted fails or ends in its own way, and nobody is to hear of that.
    if (interrupted) await new Promise(() => {})
    for (const signal of SIGNALS) target.off(signal, listener)
  }
}
