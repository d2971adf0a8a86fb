import { decisionIdIn, IDS_PER_MS } from '../../core/audit/decision-id.ts'
import type { Clock } from '../../platform/clock.ts'

export interface DecisionIdsOptions {
  /** What the ids of this pod begin with after their time. */
  readonly lane: string
  /** The control plane's clock just now, in Unix milliseconds. */
  readonly controlPlaneMs: number
  readonly clock: Clock
  /** A whole number from 0 on that is less than `max`. */
  readonly random: (max: number) => number
}

/**
 * Makes ids of decisions in the lane of the pod, by the clock of the control plane, which refuses ids of other times:
 * each is another, and higher than the one before.
 */
export class DecisionIds {
  readonly #options: DecisionIdsOptions
  /** From the monotonic clock to the control plane's. */
  readonly #aheadMs: number
  #lastMs = 0
  #own = 0

  constructor(options: DecisionIdsOptions) {
    this.#options = options
    this.#aheadMs = options.controlPlaneMs - options.clock.monotonicMs()
  }

  next(): string {
    const { lane, clock, random } = this.#options
    const nowMs = Math.floor(clock.monotonicMs() + this.#aheadMs)
    this.#own += 1
    if (nowMs > this.#lastMs || this.#own === IDS_PER_MS) {
      this.#lastMs = Math.max(nowMs, this.#lastMs + 1)
      // Another process of the same pod, after a restart, may make ids in the same millisecond.
      this.#own = random(IDS_PER_MS)
    }
    return decisionIdIn(lane, this.#lastMs, this.#own)
  }
}
