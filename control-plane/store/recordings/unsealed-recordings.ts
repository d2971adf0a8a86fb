import { Fault } from '../../../core/fault.ts'
import type { NewRecording, RecordingEnd, StoredChunk } from '../recording-store.ts'
import type { ChunkJournal, JournalPlace } from './chunk-journal.ts'
import type { RecordingChanges } from './recording-changes.ts'
import type { RecordingCommits } from './recording-commits.ts'
import type { RecordingRows } from './recording-rows.ts'
import type { Segment } from './segment-file.ts'
import { SegmentSealer } from './segment-sealer.ts'
import { unavailable } from './unavailable.ts'
import { UnsealedRecording } from './unsealed-recording.ts'

export interface UnsealedParts {
  readonly folder: string
  /** For tests. */
  readonly segmentBytes: number | undefined
  readonly rows: RecordingRows
  readonly journal: ChunkJournal
  readonly changes: RecordingChanges
  readonly commits: RecordingCommits
  /** Told of the bytes of each segment that was written. */
  readonly onStored: (bytes: number) => void
}

/** The recordings that have not ended: their chunks go to the journal, and from there into segments. */
export class UnsealedRecordings {
  readonly #sealer: SegmentSealer
  readonly #rows: RecordingRows
  readonly #journal: ChunkJournal
  readonly #changes: RecordingChanges
  readonly #commits: RecordingCommits
  readonly #onStored: (bytes: number) => void
  readonly #open = new Map<string, UnsealedRecording>()
  #newestFile = 0

  constructor(parts: UnsealedParts) {
    this.#sealer = new SegmentSealer({
      ...{ journal: parts.journal, folder: parts.folder, segmentBytes: parts.segmentBytes },
      record: (segment, lastUs) => this.#recordSegment(segment, lastUs),
    })
    this.#rows = parts.rows
    this.#journal = parts.journal
    this.#changes = parts.changes
    this.#commits = parts.commits
    this.#onStored = parts.onStored
  }

  get size(): number {
    return this.#open.size
  }

  async begin(recording: NewRecording): Promise<void> {
    await this.#commits.commit(recording.id, () => {
      if (!this.#rows.insert(recording)) {
        throw new Fault('binding_conflict', 'There is, or was, a recording of this decision')
      }
    })
    this.#open.set(recording.id, new UnsealedRecording())
  }

  async append(id: string, chunk: StoredChunk): Promise<void> {
    const open = this.#find(id)
    open.take(chunk)
    try {
      await this.#write(id, open, chunk)
    } catch (error) {
      // What comes after a chunk that is missing is nothing.
      open.failure ??= error as Error
      throw error
    }
  }

  async #write(id: string, open: UnsealedRecording, chunk: StoredChunk): Promise<void> {
    const place = await unavailable(this.#journal.append({ ...chunk, id }))
    if (open.failure !== undefined || this.#open.get(id) !== open) {
      await this.#journal.release([place])
      throw missing(open)
    }
    open.add(place)
    this.#changes.tell()
    await this.#sealer.fill(id, open)
    await this.#sealOld(place)
  }

  /** A recording that is hardly written to would keep a file of the journal. */
  async #sealOld({ file }: JournalPlace): Promise<void> {
    if (file === this.#newestFile) return
    this.#newestFile = file
    for (const [id, open] of this.#open) {
      const [oldest] = open.unsealed
      if (oldest !== undefined && oldest.file < file - 1) await this.#sealer.seal(id, open)
    }
  }

  async #recordSegment(segment: Segment, lastUs: number): Promise<void> {
    await this.#commits.commit(segment.id, () => this.#rows.insertSegment(segment, lastUs))
    this.#onStored(segment.storedBytes)
  }

  end(id: string, end: RecordingEnd): Promise<void> {
    const open = this.#open.get(id)
    if (open === undefined) return Promise.resolve()
    open.ending ??= this.#end(id, open, end)
    return open.ending
  }

  async #end(id: string, open: UnsealedRecording, end: RecordingEnd): Promise<void> {
    try {
      do await this.#sealer.seal(id, open)
      while (open.unsealed.length > 0)
      await this.#commits.commit(id, () => this.#rows.end(id, end))
    } finally {
      // Of what could not be written now the journal is read at the next start.
      this.#open.delete(id)
      this.#changes.tell()
    }
  }

  /** The place in the journal of the first chunk after `last` that has no segment. */
  placeAfter(id: string, last: number): JournalPlace | undefined {
    return this.#open.get(id)?.unsealed.find(({ number }) => number > last)
  }

  /** Whether a chunk has no segment yet. */
  holds(id: string, place: JournalPlace): boolean {
    return this.#open.get(id)?.unsealed.includes(place) === true
  }

  /** Forgets a recording that is removed; a segment that is being written is waited for. */
  async discard(id: string): Promise<void> {
    const open = this.#open.get(id)
    this.#open.delete(id)
    if (open === undefined) return
    open.failure ??= new Fault('not_found', 'The recording was removed')
    // Segments that are being written give their own chunks back.
    await Promise.allSettled([open.filling, open.ending])
    await open.sealing.catch(() => undefined)
    await unavailable(this.#journal.release(open.unsealed))
  }

  /** Ends all. */
  async endAll(end: RecordingEnd): Promise<void> {
    await Promise.allSettled([...this.#open.keys()].map((id) => this.end(id, end)))
  }

  #find(id: string): UnsealedRecording {
    const open = this.#open.get(id)
    if (open === undefined || open.ending !== undefined) {
      throw new Fault('not_found', 'No recording of this id is open')
    }
    if (open.failure !== undefined) throw missing(open)
    return open
  }
}

function missing({ failure }: UnsealedRecording): Fault {
  return new Fault('audit_unavailable', 'An earlier chunk could not be recorded', {
    cause: failure,
  })
}
