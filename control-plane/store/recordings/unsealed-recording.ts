import { Fault } from '../../../core/fault.ts'
import type { StoredChunk } from '../recording-store.ts'
import type { JournalPlace } from './chunk-journal.ts'

/** A recording that has not ended: what of it stands in the journal, and what has a segment. */
export class UnsealedRecording {
  /** How many segments it has. */
  segments = 0
  /** A segment that is being written. */
  sealing: Promise<void> = Promise.resolve()
  /** Segments that are written while it goes on. */
  filling: Promise<void> | undefined
  /** The end that is being written. */
  ending: Promise<void> | undefined
  /** Why a chunk, or its segment, could not be written, so that none may follow. */
  failure: Error | undefined
  readonly #unsealed: JournalPlace[] = []
  #unsealedBytes = 0
  #taken = 0
  #lastUs = 0

  /** Chunks in the journal that have no segment yet, in order. */
  get unsealed(): readonly JournalPlace[] {
    return this.#unsealed
  }

  /** How many bytes of them stand in the journal. */
  get unsealedBytes(): number {
    return this.#unsealedBytes
  }

  /** The next chunk stands in the journal. */
  add(place: JournalPlace): void {
    this.#unsealed.push(place)
    this.#unsealedBytes += place.length
  }

  /** The oldest of them, of so many bytes together; at least one where there is one. */
  oldest(bytesMax: number): readonly JournalPlace[] {
    let bytes = 0
    const more = this.#unsealed.findIndex(({ length }) => {
      bytes += length
      return bytes > bytesMax
    })
    return this.#unsealed.slice(0, more < 0 ? undefined : Math.max(1, more))
  }

  /** So many of the oldest have a segment. */
  sealed(count: number): void {
    for (const { length } of this.#unsealed.splice(0, count)) this.#unsealedBytes -= length
    this.segments += 1
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
