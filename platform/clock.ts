/** Time, handed in so that tests can move it. */
export interface Clock {
  /** Milliseconds since the epoch; may be set back. */
  nowMs(): number
  /** Milliseconds since some moment; never goes back. For how long something took or may take. */
  monotonicMs(): number
  /** Runs once after `ms`, unless what it returns was called before. */
  after(ms: number, run: () => void): () => void
}

/** Node's timers take at most 24 days. */
const TIMER_MS_MAX = 2 ** 31 - 1

/** The clock of the machine. A wait of more than 24 days ends after 24 days. */
export const SYSTEM_CLOCK: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, Math.min(TIMER_MS_MAX, Math.max(0, ms)))
    return () => clearTimeout(timer)
  },
}

/** A wait among other things that may end first. */
export interface Timer {
  /** Resolves when the time is over; never when it was cancelled. */
  readonly done: Promise<'time'>
  cancel(): void
}

/** A wait that leaves nothing behind when something else ends it. */
export function startTimer(clock: Clock, ms: number): Timer {
  const { promise: done, resolve } = Promise.withResolvers<'time'>()
  return { done, cancel: clock.after(ms, () => resolve('time')) }
}
