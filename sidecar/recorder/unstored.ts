import type { Clock } from '../../platform/clock.ts'

/**
 * Bytes of a session that may have been shown without being stored; one chunk more always fits. What waits is in memory
 * while garbage is collected twice or more, and V8 collects everything when much of that has gathered outside of its heap.
 */
const BYTES_MAX = 1024 * 1024
/** The same when other sessions have used up what is there for all: each has this much. */
const OWN_BYTES = 256 * 1024
/** Of all sessions together, before each has only its own: what waits for the control plane is in memory. */
const ALL_BYTES_MAX = 16 * 1024 * 1024
/** For how long what was shown may stay unstored before nothing more is shown. */
const AGE_MS_MAX = 500

interface SentChunk {
  readonly number: bigint
  readonly bytes: number
  readonly sentMs: number
}

/** What all sessions of a process have sent that is not known to be stored. */
export class AllUnstored {
  bytes = 0

  /** Whether a session may have more than its own share. */
  get isRoomy(): boolean {
    return this.bytes < ALL_BYTES_MAX
  }
}

/** What a session sent to be stored, and is not known to be stored. */
export class Unstored {
  readonly #clock: Clock
  readonly #all: AllUnstored
  readonly #sent: SentChunk[] = []
  #bytes = 0

  constructor(clock: Clock, all: AllUnstored) {
    this.#clock = clock
    this.#all = all
  }

  /** Whether more may be shown. */
  get isRoomy(): boolean {
    const [oldest] = this.#sent
    if (oldest === undefined) return true
    const bytesMax = this.#all.isRoomy ? BYTES_MAX : OWN_BYTES
    return this.#bytes < bytesMax && this.#clock.monotonicMs() - oldest.sentMs <= AGE_MS_MAX
  }

  add(number: bigint, bytes: number): void {
    this.#sent.push({ number, bytes, sentMs: this.#clock.monotonicMs() })
    this.#count(bytes)
  }

  /** All up to this number are stored. */
  stored(number: bigint): void {
    const first = this.#sent.findIndex((chunk) => chunk.number > number)
    const gone = this.#sent.splice(0, first < 0 ? this.#sent.length : first)
    for (const { bytes } of gone) this.#count(-bytes)
  }

  /** Nothing waits any longer: the session is over. */
  close(): void {
    this.#sent.length = 0
    this.#count(-this.#bytes)
  }

  #count(bytes: number): void {
    this.#bytes += bytes
    this.#all.bytes += bytes
  }
}
