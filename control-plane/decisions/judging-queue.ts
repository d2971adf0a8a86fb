import type { Clock } from '../../platform/clock.ts'

/** How many are judged at the same time. Thousands can be open, and each may cost a review that decisions wait for as well. */
const CONCURRENT_MAX = 32

export interface JudgingQueueDeps<Item> {
  readonly clock: Clock
  /** How long until those are judged again for which nobody had an answer. */
  readonly retryMs: () => number
  /** Judges one until this time of the clock's monotonic time; never rejects. */
  readonly judge: (item: Item, untilMs: number) => Promise<void>
}

/** What waits to be judged again, as soon as there is room or, without an answer, after a while. */
export class JudgingQueue<Item> {
  readonly #deps: JudgingQueueDeps<Item>
  /** Earliest deadline first, each with the time until which it may go without an answer. */
  readonly #due = new Map<Item, number>()
  readonly #unanswered = new Map<Item, number>()
  #judging = 0
  #isScheduled = false

  constructor(deps: JudgingQueueDeps<Item>) {
    this.#deps = deps
  }

  /** Has it judged soon; whatever has waited for an answer since an earlier change waits no longer for this one. */
  add(item: Item, untilMs: number): void {
    const dueMs = this.#due.get(item) ?? this.#unanswered.get(item) ?? untilMs
    this.#due.set(item, Math.min(untilMs, dueMs))
    this.#schedule()
  }

  /** Has it judged once more after a while, until the same time. */
  retryLater(item: Item, untilMs: number): void {
    const { clock, retryMs } = this.#deps
    if (this.#unanswered.size === 0) clock.after(retryMs(), () => this.#retryAll())
    this.#unanswered.set(item, untilMs)
  }

  #retryAll(): void {
    for (const [item, untilMs] of this.#unanswered) this.add(item, untilMs)
    this.#unanswered.clear()
  }

  #schedule(): void {
    if (this.#isScheduled || this.#due.size === 0) return
    this.#isScheduled = true
    // Others run in between: each that is judged from memory is done immediately.
    setImmediate(() => this.#judgeSome())
  }

  #judgeSome(): void {
    this.#isScheduled = false
    for (const [item, untilMs] of this.#due) {
      if (this.#judging >= CONCURRENT_MAX) return
      this.#due.delete(item)
      this.#judging += 1
      void this.#deps.judge(item, untilMs).finally(() => {
        this.#judging -= 1
        this.#schedule()
      })
    }
  }
}
