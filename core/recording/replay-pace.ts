export interface ReplayPaceOptions {
  /** Times as fast as it happened; more than 0. */
  readonly speed: number
  /** Longest pause between two events, in microseconds of the session; undefined keeps all. */
  readonly idleUsMax: number | undefined
  /** Everything before this time is shown without a pause. */
  readonly fromUs: number
}

/** When the events of a replay are shown. Events come in order of time. */
export class ReplayPace {
  readonly #options: ReplayPaceOptions
  #lastUs = 0

  constructor(options: ReplayPaceOptions) {
    this.#options = options
  }

  /** Milliseconds to wait before an event, after the one before it. */
  waitMs(atUs: number): number {
    const { speed, idleUsMax = Number.POSITIVE_INFINITY, fromUs } = this.#options
    const sinceUs = Math.max(0, atUs - Math.max(this.#lastUs, fromUs))
    this.#lastUs = atUs
    return Math.min(sinceUs, idleUsMax) / speed / 1_000
  }
}
