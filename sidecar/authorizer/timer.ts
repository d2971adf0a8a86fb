/** Node's timers take at most 24 days; what waits longer looks again then. */
const TIMER_MS_MAX = 2 ** 31 - 1

export interface Timer {
  /** Resolves when the time is over; never when it was cancelled. */
  readonly done: Promise<'time'>
  cancel(): void
}

/** A wait that leaves nothing behind when something else ends it. */
export function startTimer(ms: number): Timer {
  const { promise: done, resolve } = Promise.withResolvers<'time'>()
  const timer = setTimeout(() => resolve('time'), Math.min(TIMER_MS_MAX, Math.max(0, ms)))
  return { done, cancel: () => clearTimeout(timer) }
}
