/** So few decisions that another which waits for their transaction hardly notices. */
const SWEEP_MIN = 3
/** A few milliseconds of the one thread that also makes decisions. */
const SWEEP_MAX = 100
/** Decisions whose removal is put on record together: their records are read and hashed in half a millisecond. */
const REMOVAL_MIN = 25
/** While so long nothing was recorded, nobody waits. */
const QUIET_MS = 1_000

/** How many removed decisions are swept together: few beside traffic, more where nobody is there to wait. */
export class SweepPace {
  #newest: number | undefined
  #busyAtMs = 0
  #swept = 0

  /** `newest` is the highest sequence of the log, `nowMs` the time of a monotonic clock in milliseconds. */
  next(newest: number, nowMs: number): number {
    this.#swept = this.#limit(newest, nowMs)
    return this.#swept
  }

  /** How many decisions the next removal speaks of: no fewer than a sweep takes, so that removals keep up too. */
  removal(): number {
    return Math.max(this.#swept, REMOVAL_MIN)
  }

  #limit(newest: number, nowMs: number): number {
    // A decision has two records as a rule, so that this sweeps faster than decisions come.
    const came = this.#newest === undefined ? SWEEP_MIN : newest - this.#newest
    this.#newest = newest
    if (came > 0) this.#busyAtMs = nowMs
    if (nowMs - this.#busyAtMs >= QUIET_MS) return SWEEP_MAX
    return Math.min(Math.max(came, SWEEP_MIN), SWEEP_MAX)
  }
}
