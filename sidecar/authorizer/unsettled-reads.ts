import type { Question } from '../../core/authorization/question.ts'
import type { Fault } from '../../core/fault.ts'
import { FAULTS } from '../../core/fault.ts'
import type { Clock } from '../../platform/clock.ts'
import type { OutcomeReport } from '../../proxy/judgement/authorizer.ts'

/** A read that was sent ahead and of which no decision came: its answer was thrown away. */
export interface UnsettledRead {
  readonly decisionId: string
  readonly question: Question
  /** Why none came. */
  readonly fault: Fault
}

/** Has it put on record; resolves with the id of the record. */
type PutOnRecord = (read: UnsettledRead) => Promise<string>

export interface UnsettledReadsOptions {
  readonly clock: Clock
  /** It is on record now, and this became of it. */
  readonly onSettled: (outcome: OutcomeReport) => void
  readonly onFailed: (error: unknown, read: UnsettledRead) => void
}

const RETRY_MS = 5_000

/**
 * Reads that reached the API server and may not be on record, until they are: told to the control plane as soon as
 * there is one, and again after a while. No further read is sent ahead meanwhile, so there are never more of them
 * than requests that can wait for a decision.
 */
export class UnsettledReads {
  readonly #options: UnsettledReadsOptions
  readonly #reads = new Map<string, UnsettledRead>()
  #record: PutOnRecord | undefined
  #cancelRetry: (() => void) | undefined

  constructor(options: UnsettledReadsOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#reads.size
  }

  has(decisionId: string): boolean {
    return this.#reads.has(decisionId)
  }

  add(read: UnsettledRead): void {
    this.#reads.set(read.decisionId, read)
    void this.#tell(read)
  }

  /** A control plane is there: tells it of all. */
  connect(record: PutOnRecord): void {
    this.#record = record
    this.#tellAll()
  }

  disconnect(): void {
    this.#record = undefined
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
  }

  #tellAll(): void {
    for (const read of this.#reads.values()) void this.#tell(read)
  }

  async #tell(read: UnsettledRead): Promise<void> {
    const record = this.#record
    if (record === undefined) return
    const { clock, onFailed, onSettled } = this.#options
    try {
      const decisionId = await record(read)
      // Told twice, over two streams: the control plane keeps the first.
      if (!this.#reads.delete(read.decisionId)) return
      const { code } = read.fault
      const outcome = { httpStatus: FAULTS[code].httpStatus, fault: code, responseBytes: 0n }
      onSettled({ decisionId, ...outcome, withheld: true })
    } catch (error) {
      // Recorded, and tried again: until then nothing is sent ahead.
      onFailed(error, read)
      if (this.#record === undefined) return
      this.#cancelRetry ??= clock.after(RETRY_MS, () => {
        this.#cancelRetry = undefined
        this.#tellAll()
      })
    }
  }
}
