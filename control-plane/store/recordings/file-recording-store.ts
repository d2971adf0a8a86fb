import { Fault } from '../../../core/fault.ts'
import type {
  NewRecording,
  RecordingEnd,
  RecordingMark,
  RecordingStore,
  StoredChunk,
} from '../recording-store.ts'
import type { CommitQueue } from '../sqlite/commit-queue.ts'
import type { Database } from '../sqlite/database.ts'
import { ChunkJournal, type JournalPlace } from './chunk-journal.ts'
import { RecordingChanges } from './recording-changes.ts'
import { RecordingRows, toGone } from './recording-rows.ts'
import { recoverRecordings } from './recover-recordings.ts'
import { readSegment, removeSegments, removeUnknownSegments, type Segment } from './segment-file.ts'
import { SegmentSealer } from './segment-sealer.ts'
import { unavailable } from './unavailable.ts'
import { UnsealedRecording } from './unsealed-recording.ts'

export interface FileRecordings {
  readonly database: Database
  readonly queue: CommitQueue
  /** Where the files are; made with the first of them. */
  readonly folder: string
  readonly now: () => number
  /** How much is written to a file of the journal, and of a recording before it gets a segment; for tests. */
  readonly journalBytes?: number
  readonly segmentBytes?: number
}

/**
 * Opens the recordings of a folder. Those that an earlier process had open are ended as interrupted, with all that
 * was acknowledged. Throws `audit_unavailable`.
 */
export async function openFileRecordings(parts: FileRecordings): Promise<RecordingStore> {
  const { database, queue, folder, now } = parts
  try {
    const rows = new RecordingRows(database.sqlite)
    await recoverRecordings({ rows, queue, folder, now })
    return new FileRecordingStore(parts, rows, await ChunkJournal.open(folder, parts.journalBytes))
  } catch (error) {
    throw new Fault('audit_unavailable', `Cannot open the recordings in ${folder}`, {
      cause: error,
    })
  }
}

class FileRecordingStore implements RecordingStore {
  readonly #queue: CommitQueue
  readonly #folder: string
  readonly #sealer: SegmentSealer
  readonly #now: () => number
  readonly #rows: RecordingRows
  readonly #journal: ChunkJournal
  readonly #changes: RecordingChanges
  readonly #open = new Map<string, UnsealedRecording>()
  #storedBytes: number
  #newestFile = 0

  constructor(parts: FileRecordings, rows: RecordingRows, journal: ChunkJournal) {
    this.#queue = parts.queue
    this.#folder = parts.folder
    this.#sealer = new SegmentSealer({
      ...{ journal, folder: parts.folder, segmentBytes: parts.segmentBytes },
      record: (segment, lastUs) => this.#recordSegment(segment, lastUs),
    })
    this.#now = parts.now
    this.#rows = rows
    this.#journal = journal
    this.#changes = new RecordingChanges(rows.revision())
    this.#storedBytes = rows.storedBytes()
  }

  async begin(recording: NewRecording): Promise<void> {
    await this.#commit(recording.id, () => {
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
    await this.#commit(segment.id, () => this.#rows.insertSegment(segment, lastUs))
    this.#storedBytes += segment.storedBytes
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
      await this.#commit(id, () => this.#rows.end(id, end))
    } finally {
      // Of what could not be written now the journal is read at the next start.
      this.#open.delete(id)
      this.#changes.tell()
    }
  }

  async get(id: string) {
    return this.#rows.get(id)
  }

  async list(...[filter, after, limit]: Parameters<RecordingStore['list']>) {
    return this.#rows.list(filter, after, limit)
  }

  async *read(id: string, after: number): AsyncGenerator<StoredChunk> {
    let last = after
    for (;;) {
      const segment = this.#rows.segments(id).find(({ lastChunk }) => lastChunk > last)
      if (segment !== undefined) {
        const frames = await unavailable(readSegment(this.#folder, segment))
        yield* frames.filter(({ number }) => number > last)
        last = segment.lastChunk
        continue
      }
      const place = this.#open.get(id)?.unsealed.find(({ number }) => number > last)
      if (place === undefined) {
        if (this.#rows.segments(id).some(({ lastChunk }) => lastChunk > last)) continue
        return
      }
      const frame = await this.#journal.read(place).catch(() => undefined)
      // It got a segment meanwhile, which the next turn finds.
      if (frame === undefined && this.#open.get(id)?.unsealed.includes(place) === true) {
        throw new Fault('audit_unavailable', 'A chunk of the recording is damaged')
      }
      if (frame === undefined) continue
      yield frame
      last = frame.number
    }
  }

  async noteReader(id: string, reader: RecordingMark): Promise<void> {
    this.#require(id)
    await this.#commit(id, () => this.#rows.noteReader(id, reader))
  }

  async review(id: string, reviewer: RecordingMark): Promise<void> {
    this.#require(id)
    await this.#commit(id, () => this.#rows.review(id, reviewer))
  }

  async remove(id: string, remover: RecordingMark): Promise<void> {
    const recording = this.#require(id)
    if (recording.end === undefined) {
      throw new Fault('binding_conflict', 'The session is live: cut it first, then delete it')
    }
    const segments = this.#rows.segments(id)
    await this.#queue.commit(() => this.#rows.remove(id, remover))
    this.#storedBytes -= recording.storedBytes
    this.#changes.add(toGone(recording, this.#rows.revision()))
    await unavailable(removeSegments(this.#folder, segments))
  }

  async deletions(limit: number) {
    return this.#rows.deletions(limit)
  }

  async sweep(): Promise<void> {
    for (const [id, open] of this.#open) {
      if (this.#rows.isKnown(id)) continue
      this.#open.delete(id)
      // A segment that is being written gives its own chunks back.
      await Promise.allSettled([open.filling, open.sealing])
      await unavailable(this.#journal.release(open.unsealed))
    }
    await unavailable(removeUnknownSegments(this.#folder, (id) => this.#rows.isKnown(id)))
    this.#storedBytes = this.#rows.storedBytes()
  }

  revision(): number {
    return this.#rows.revision()
  }

  forgottenUntil(): number {
    return this.#changes.forgottenUntil
  }

  changesAfter(revision: number) {
    return this.#changes.after(revision)
  }

  onChange(listener: () => void): () => void {
    return this.#changes.listen(listener)
  }

  size() {
    return { bytes: this.#storedBytes + this.#journal.size(), open: this.#open.size }
  }

  async close(): Promise<void> {
    const end = { ending: 'interrupted', reason: 'the control plane ended' } as const
    const ends = [...this.#open.keys()].map((id) =>
      this.end(id, { ...end, endedAtMs: this.#now() }),
    )
    await Promise.allSettled(ends)
    await this.#journal.close()
  }

  #find(id: string): UnsealedRecording {
    const open = this.#open.get(id)
    if (open === undefined || open.ending !== undefined) {
      throw new Fault('not_found', 'No recording of this id is open')
    }
    if (open.failure !== undefined) throw missing(open)
    return open
  }

  #require(id: string) {
    const recording = this.#rows.get(id)
    if (recording === undefined) throw new Fault('not_found', 'There is no recording of this id')
    return recording
  }

  /** Writes to the database, and tells those who watch. */
  async #commit(id: string, write: () => void): Promise<void> {
    let revision = 0
    let fault: Fault | undefined
    await this.#queue.commit(() => {
      try {
        write()
      } catch (error) {
        // What the write itself refuses is no trouble of the disk.
        if (!(error instanceof Fault)) throw error
        fault = error
      }
      revision = this.#rows.revision()
    })
    if (fault !== undefined) throw fault
    this.#changes.add({ revision, id })
  }
}

function missing({ failure }: UnsealedRecording): Fault {
  return new Fault('audit_unavailable', 'An earlier chunk could not be recorded', {
    cause: failure,
  })
}
