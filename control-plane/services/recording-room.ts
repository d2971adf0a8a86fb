import { Fault } from '../../core/fault.ts'
import type { RecordingSize } from '../store/recording-store.ts'
import type { VolumeSpace } from '../volume-reserve.ts'

/** How often the volume is looked at. */
const LOOK_MS = 1_000

export interface RecordingLimits {
  /** Of all recordings; 0 is no limit. */
  readonly bytesMax: number
  /** Of the volume: below it no session begins, and below half of it sessions are cut. */
  readonly freeBytesMin: number
}

export interface RecordingRoomDeps {
  readonly limits: RecordingLimits
  readonly size: () => RecordingSize
  /** Removes so many bytes of files that the database does not list, as far as there are some. */
  readonly dropUnlisted: (bytes: number) => Promise<void>
  readonly readSpace: () => VolumeSpace
  /** Milliseconds that never go back. */
  readonly monotonicMs: () => number
}

/** Keeps recordings from filling the volume: decisions are to be recorded for longer than sessions. */
export class RecordingRoom {
  readonly #deps: RecordingRoomDeps
  #lookedAtMs = Number.NEGATIVE_INFINITY
  #freeBytes = Number.POSITIVE_INFINITY

  constructor(deps: RecordingRoomDeps) {
    this.#deps = deps
  }

  /** Throws `overloaded` when no session may begin. */
  checkBegin(): Promise<void> {
    return this.#check('The session cannot be recorded, so it does not begin')
  }

  /** Throws `overloaded` when no session may be imported. */
  checkImport(): Promise<void> {
    return this.#check('The session cannot be imported')
  }

  async #check(what: string): Promise<void> {
    const { bytesMax, freeBytesMin } = this.#deps.limits
    const recorded = this.#deps.size().bytes
    await this.#makeRoom()
    if (bytesMax > 0 && recorded >= bytesMax) {
      throw new Fault(
        'overloaded',
        `${what}: recordings take all of the ${toMebibytes(bytesMax)} MiB that they may have. Ask an administrator to delete sessions, to keep them for fewer days, or to raise controlPlane.recording.mebibytesMax`,
      )
    }
    if (this.#free() < freeBytesMin) {
      throw new Fault(
        'overloaded',
        `${what}: the volume of the recordings is nearly full. Ask an administrator to enlarge it, or to delete sessions`,
      )
    }
  }

  /** Files that nobody can read give way to recordings. */
  async #makeRoom(): Promise<void> {
    const { size, limits, dropUnlisted } = this.#deps
    const { bytes, unlistedBytes } = size()
    if (unlistedBytes === 0) return
    const overQuota = limits.bytesMax > 0 ? bytes + unlistedBytes - limits.bytesMax : 0
    const overFloor = limits.freeBytesMin - this.#free()
    const over = Math.max(overQuota, overFloor)
    if (over <= 0) return
    await dropUnlisted(over)
    this.#lookedAtMs = Number.NEGATIVE_INFINITY
  }

  /** Throws `overloaded` when a session that has begun must end for want of room. */
  checkGoOn(): void {
    if (this.#free() < this.#deps.limits.freeBytesMin / 2) {
      throw new Fault(
        'overloaded',
        'The session cannot be recorded any further: the volume of the recordings is full',
      )
    }
  }

  #free(): number {
    const nowMs = this.#deps.monotonicMs()
    if (nowMs - this.#lookedAtMs >= LOOK_MS) {
      this.#lookedAtMs = nowMs
      try {
        this.#freeBytes = this.#deps.readSpace().freeBytes
      } catch {
        // Not known is no reason to refuse: what cannot be written is refused by itself.
        this.#freeBytes = Number.POSITIVE_INFINITY
      }
    }
    return this.#freeBytes
  }
}

const toMebibytes = (bytes: number) => Math.floor(bytes / 1_024 / 1_024)
