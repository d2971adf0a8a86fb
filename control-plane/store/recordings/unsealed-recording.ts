import { Fault } from '../../../core/fault.ts'
import type { StoredChunk } from '../recording-store.ts'
import type { JournalPlace } from './chunk-journal.ts'

/** A recording that has not ended: what of it stands in the journal, and what has a segment. */
export class UnsealedRecording {
  /** Chunks in the journal that have no segment yet, in order. */
  unsealed: readonly JournalPlace[] = []
  /** How many segments it has. */
  segments = 0
  /** A segment that is being written. */
  sealing: Promise<void> = Promise.resolve()
  /** The end that is being written. */
  ending: Promise<void> | undefined
  /** A chunk could not be written, so none may follow. */
  broken = false
  #taken = 0
  #lastUs = 0

  /** How many bytes stand in the journal. */
  unsealedBytes(): number {
    return this.unsealed.reduce((sum, { length }) => sum + length, 0)
  }

  /** Throws `request_invalid` for a chunk that does not come next, in number and in time. */
  take({ number, lastUs }: StoredChunk): void {
    if (number !== this.#taken + 1) {
      throw new Fault('request_invalid', `Chunk ${this.#taken + 1} comes next, not ${number}`)
    }
    if (!(lastUs >= this.#lastUs)) {
      throw new Fault('request_invalid', 'The time of a chunk is before the chunk that it follows')
    }
    this.#taken = number
    this.#lastUs = lastUs
  }
}
