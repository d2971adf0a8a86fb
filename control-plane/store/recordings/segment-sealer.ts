import type { ChunkJournal } from './chunk-journal.ts'
import { type Segment, writeSegment } from './segment-file.ts'
import { SomeAtATime } from './some-at-a-time.ts'
import { unavailable } from './unavailable.ts'
import type { UnsealedRecording } from './unsealed-recording.ts'

/** Bytes of a recording in the journal of which a segment is made. */
export const SEGMENT_BYTES = 1_024 * 1_024
/** Times as many are in a segment of a session that pours: they are in memory while they are compressed. */
const SEGMENT_TIMES_MAX = 4
/** Times as many of one recording stand in the journal; who sends faster than segments are written waits. */
const UNSEALED_TIMES_MAX = 8
/** Segments that are written at the same time: Node has as many threads for files. */
const AT_A_TIME = 4

export interface SegmentPlace {
  readonly journal: ChunkJournal
  readonly folder: string
  /** For tests. */
  readonly segmentBytes: number | undefined
  /** Resolves once the database lists the segment. */
  readonly record: (segment: Segment, lastUs: number) => Promise<void>
}

/** Makes compressed segments of what stands in the journal. */
export class SegmentSealer {
  readonly #place: SegmentPlace
  readonly #segmentBytes: number
  readonly #turns = new SomeAtATime(AT_A_TIME)
  /** Memory of a large segment, for the next one. */
  #scratch: Buffer | undefined

  constructor(place: SegmentPlace) {
    this.#place = place
    this.#segmentBytes = place.segmentBytes ?? SEGMENT_BYTES
  }

  /**
   * Begins to make segments of a recording of which enough stands in the journal, and waits for them where that is too
   * much. What fails later fails the recording.
   */
  async fill(id: string, open: UnsealedRecording): Promise<void> {
    if (open.unsealedBytes < this.#segmentBytes) return
    open.filling ??= this.#sealFull(id, open)
    // Recorded: the next chunk is refused for it.
    const filling = open.filling.catch((error: Error) => {
      open.failure ??= error
    })
    if (open.unsealedBytes >= UNSEALED_TIMES_MAX * this.#segmentBytes) await filling
  }

  async #sealFull(id: string, open: UnsealedRecording): Promise<void> {
    try {
      while (open.unsealedBytes >= this.#segmentBytes) await this.seal(id, open)
    } finally {
      // In the same turn as the last look: what comes after it is filled again.
      open.filling = undefined
    }
  }

  /** Makes a segment of the oldest that stands in the journal; one of a recording after the other. */
  seal(id: string, open: UnsealedRecording): Promise<void> {
    open.sealing = open.sealing
      .catch(() => undefined)
      .then(() => this.#turns.run(() => this.#writeOldest(id, open)))
    return open.sealing
  }

  async #writeOldest(id: string, open: UnsealedRecording): Promise<void> {
    const { folder, journal, record } = this.#place
    const places = open.oldest(SEGMENT_TIMES_MAX * this.#segmentBytes)
    const [first, last] = [places[0], places.at(-1)]
    if (first === undefined || last === undefined) return
    const scratch = this.#takeScratch(places.reduce((sum, { length }) => sum + length, 0))
    const raw = await unavailable(journal.readFrames(places, scratch))
    const chunks = { firstChunk: first.number, lastChunk: last.number }
    const content = { id, number: open.segments + 1, ...chunks, raw }
    const segment = await unavailable(writeSegment(folder, content))
    if (scratch.length >= this.#segmentBytes) this.#scratch = scratch
    await record(segment, last.lastUs)
    open.sealed(places.length)
    await unavailable(journal.release(places))
  }

  /** Memory for so many bytes. With a new one for each segment the garbage collector would run all the time. */
  #takeScratch(length: number): Buffer {
    if (length < this.#segmentBytes) return Buffer.allocUnsafe(length)
    const kept = this.#scratch
    this.#scratch = undefined
    if (kept !== undefined && kept.length >= length) return kept
    return Buffer.allocUnsafeSlow(Math.max(length, SEGMENT_TIMES_MAX * this.#segmentBytes))
  }
}
