import type { Clock } from '../../platform/clock.ts'
import type { OutcomeReport } from '../../proxy/judgement/authorizer.ts'

/**
 * How long an outcome that was written may still be on its way. The stream says nothing when one
 * arrives, so after a break the young ones are sent again; the control plane keeps the first.
 */
const UNCONFIRMED_MS = 10_000

/**
 * How long an outcome may wait for others: one write to the connection for all costs less than one
 * for each. They do not travel with a question: HTTP/2 would send what was written first by itself,
 * and the question a turn of the event loop later.
 */
const BATCH_MS = 10

interface Sent {
  readonly outcome: OutcomeReport
  readonly atMs: number
}

type Send = (outcome: OutcomeReport) => void

/**
 * Keeps what became of requests until the control plane can have heard of it. `max` bounds what is
 * kept while there is no connection; each outcome takes about 200 bytes.
 */
export class OutcomeQueue {
  readonly #max: number
  readonly #clock: Clock
  #kept: OutcomeReport[] = []
  #sent: Sent[] = []
  #send: Send | undefined
  #cancelFlush: (() => void) | undefined

  constructor(options: { readonly max: number; readonly clock: Clock }) {
    this.#max = options.max
    this.#clock = options.clock
  }

  /** Sends it soon, or keeps it for the next connection. */
  add(outcome: OutcomeReport): void {
    this.#kept.push(outcome)
    if (this.#send === undefined) return
    this.#cancelFlush ??= this.#clock.after(BATCH_MS, () => this.flush())
  }

  /** Sends now what waits to be sent soon. */
  flush(): void {
    this.#cancelFlush?.()
    this.#cancelFlush = undefined
    if (this.#send === undefined || this.#kept.length === 0) return
    const atMs = this.#clock.monotonicMs()
    for (const outcome of this.#kept) {
      this.#sent.push({ outcome, atMs })
      this.#send(outcome)
    }
    this.#kept = []
    // Cut by half at a time, so that forgetting costs nothing on average.
    if (this.#sent.length >= 2 * this.#max) this.#sent = this.#sent.slice(-this.#max)
  }

  /** A connection is there: sends what was kept. */
  connect(send: Send): void {
    this.#send = send
    this.flush()
  }

  /** The connection is gone; what may have been lost with it is kept again. */
  disconnect(): void {
    this.#send = undefined
    const sinceMs = this.#clock.monotonicMs() - UNCONFIRMED_MS
    const lost = this.#sent.filter(({ atMs }) => atMs > sinceMs).map(({ outcome }) => outcome)
    this.#kept = [...lost, ...this.#kept]
    this.#sent = []
  }

  /** True when no more can be kept, so that no more requests may be let through. */
  isFull(): boolean {
    return this.#kept.length >= this.#max
  }

  /** How many are kept. */
  get size(): number {
    return this.#kept.length
  }
}
