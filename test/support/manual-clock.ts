import { setImmediate as turn } from 'node:timers/promises'
import type { Clock } from '../../platform/clock.ts'

interface Waiting {
  readonly atMs: number
  readonly run: () => void
}

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  #nowMs: number
  #waiting: Waiting[] = []

  constructor(nowMs = 0) {
    this.#nowMs = nowMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  after(ms: number, run: () => void): () => void {
    const waiting = { atMs: this.#nowMs + Math.max(0, ms), run }
    this.#waiting.push(waiting)
    return () => {
      this.#waiting = this.#waiting.filter((other) => other !== waiting)
    }
  }

  /** How many waits have neither ended nor been cancelled. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Moves on, runs what is due in its order, and lets promises settle after each. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms
    await turn()
    for (;;) {
      const due = this.#waiting
        .filter(({ atMs }) => atMs <= untilMs)
        .sort((one, other) => one.atMs - other.atMs)[0]
      if (due === undefined) break
      this.#waiting = this.#waiting.filter((other) => other !== due)
      this.#nowMs = due.atMs
      due.run()
      await turn()
    }
    this.#nowMs = untilMs
  }
}
