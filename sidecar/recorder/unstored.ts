import type { Clock } from '../../platform/clock.ts'

/** Bytes that may have been shown without being stored; one chunk more always fits. */
const BYTES_MAX = 256 * 1024
/** For how long what was shown may stay unstored before nothing more is shown. */
const AGE_MS_MAX = 500

interface SentChunk {
  readonly number: bigint
  readonly bytes: number
  readonly sentMs: number
}

/** What was sent to be stored, and is not known to be stored. */
export class Unstored {
  readonly #clock: Clock
  readonly #sent: SentChunk[] = []
  #bytes = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether more may be shown. */
  get isRoomy(): boolean {
    const [oldest] = this.#sent
    if (oldest === undefined) return true
    return this.#bytes < BYTES_MAX && this.#clock.monotonicMs() - oldest.sentMs <= AGE_MS_MAX
  }

  add(number: bigint, bytes: number): void {
    this.#sent.push({ number, bytes, sentMs: this.#clock.monotonicMs() })
    this.#bytes += bytes
  }

  /** All up to this number are stored. */
  stored(number: bigint): void {
    const first = this.#sent.findIndex((chunk) => chunk.number > number)
    const gone = this.#sent.splice(0, first < 0 ? this.#sent.length : first)
    for (const { bytes } of gone) this.#bytes -= bytes
  }
}
