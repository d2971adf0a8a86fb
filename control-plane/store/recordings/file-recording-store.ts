import { Fault } from '../../../core/fault.ts'
import type { SessionImport } from '../../../core/recording/session-import.ts'
import type {
  ImportedSession,
  NewRecording,
  Recording,
  RecordingEnd,
  RecordingMark,
  RecordingStore,
  StoredChunk,
} from '../recording-store.ts'
import type { CommitQueue } from '../sqlite/commit-queue.ts'
import type { Database } from '../sqlite/database.ts'
import { ChunkJournal } from './chunk-journal.ts'
import { RecordingChanges } from './recording-changes.ts'
import { RecordingCommits } from './recording-commits.ts'
import { RecordingRows, toGone } from './recording-rows.ts'
import { recoverRecordings } from './recover-recordings.ts'
import { readSegment, removeSegments } from './segment-file.ts'
import { SegmentLooks } from './segment-looks.ts'
import { SEGMENT_BYTES } from './segment-sealer.ts'
import { unavailable } from './unavailable.ts'
import { UnlistedFiles } from './unlisted-files.ts'
import { UnsealedRecordings } from './unsealed-recordings.ts'
import { writeImport } from './write-import.ts'

/** Removed recordings whose rows are read at the same time. */
const SWEEP_BATCH = 100

export interface FileRecordings {
  readonly database: Database
  readonly queue: CommitQueue
  /** Where the files are; made with the first of them. */
  readonly folder: string
  readonly now: () => number
  /** As `RecordWriter.appendImport`. */
  readonly appendImport: (
    imported: SessionImport,
    also: (sequence: number) => boolean,
  ) => Promise<boolean>
  /** Called with the number and the bytes of the files that were set aside, because the database does not list them. */
  readonly onSetAside?: (files: number, bytes: number) => void
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
    const unlisted = new UnlistedFiles(folder)
    const setAside = await recoverRecordings({ rows, queue, folder, unlisted, now })
    if (setAside > 0) parts.onSetAside?.(setAside, unlisted.size().unlistedBytes)
    const journal = await ChunkJournal.open(folder, parts.journalBytes)
    const store = new FileRecordingStore(parts, rows, journal, unlisted)
    // What was removed before the process ended and not swept.
    await store.sweep()
    return store
  } catch (error) {
    throw new Fault('audit_unavailable', `Cannot open the recordings in ${folder}`, {
      cause: error,
    })
  }
}

class FileRecordingStore implements RecordingStore {
  readonly #parts: FileRecordings
  readonly #folder: string
  readonly #rows: RecordingRows
  readonly #journal: ChunkJournal
  readonly #changes: RecordingChanges
  readonly #commits: RecordingCommits
  readonly #live: UnsealedRecordings
  readonly #unlisted: UnlistedFiles
  readonly #looks: SegmentLooks
  #storedBytes: number

  constructor(
    parts: FileRecordings,
    rows: RecordingRows,
    journal: ChunkJournal,
    unlisted: UnlistedFiles,
  ) {
    const { folder, queue, segmentBytes } = parts
    this.#parts = parts
    this.#folder = folder
    this.#rows = rows
    this.#journal = journal
    this.#unlisted = unlisted
    this.#changes = new RecordingChanges(rows.revision())
    this.#commits = new RecordingCommits(queue, rows, this.#changes)
    this.#looks = new SegmentLooks(folder, rows)
    this.#storedBytes = rows.storedBytes()
    this.#live = new UnsealedRecordings({
      ...{ folder, segmentBytes, rows, journal },
      ...{ changes: this.#changes, commits: this.#commits },
      onStored: (bytes) => {
        this.#storedBytes += bytes
      },
    })
  }

  begin(recording: NewRecording): Promise<void> {
    return this.#live.begin(recording)
  }

  append(id: string, chunk: StoredChunk): Promise<void> {
    return this.#live.append(id, chunk)
  }

  end(id: string, end: RecordingEnd): Promise<void> {
    return this.#live.end(id, end)
  }

  async import(session: ImportedSession): Promise<Recording> {
    const written = await unavailable(writeImport(this.#folder, session, SEGMENT_BYTES))
    const { segments, durationUs } = written
    const summary = session.summary()
    let earlier: string | undefined
    try {
      const isKept = await this.#parts.appendImport(summary.imported, (sequence) => {
        earlier = this.#rows.importedAs(summary.imported)
        if (earlier === undefined) this.#rows.insertImport(summary, sequence, segments, durationUs)
        return earlier === undefined
      })
      if (!isKept) throw importedAlready(earlier)
    } catch (error) {
      await removeSegments(this.#folder, segments)
      throw error
    }
    const recording = this.#require(session.id)
    this.#storedBytes += recording.storedBytes
    this.#changes.add({ revision: recording.revision, id: session.id })
    return recording
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
      const place = this.#live.placeAfter(id, last)
      if (place === undefined) {
        if (this.#rows.segments(id).some(({ lastChunk }) => lastChunk > last)) continue
        return
      }
      const frame = await this.#journal.read(place).catch(() => undefined)
      // It got a segment meanwhile, which the next turn finds.
      if (frame === undefined && this.#live.holds(id, place)) {
        throw new Fault('audit_unavailable', 'A chunk of the recording is damaged')
      }
      if (frame === undefined) continue
      yield frame
      last = frame.number
    }
  }

  async noteReader(id: string, reader: RecordingMark): Promise<void> {
    this.#require(id)
    await this.#commits.commit(id, () => this.#rows.noteReader(id, reader))
  }

  async review(id: string, reviewer: RecordingMark): Promise<void> {
    this.#require(id)
    await this.#commits.commit(id, () => this.#rows.review(id, reviewer))
  }

  async remove(id: string, remover: RecordingMark): Promise<void> {
    const recording = this.#require(id)
    if (recording.end === undefined) {
      throw new Fault('binding_conflict', 'The session is live: cut it first, then delete it')
    }
    const segments = this.#rows.segments(id)
    const revision = await this.#commits.write(() => this.#rows.remove(id, remover))
    this.#storedBytes -= recording.storedBytes
    this.#changes.add(toGone(recording, revision))
    await unavailable(removeSegments(this.#folder, segments))
  }

  async deletions(limit: number) {
    return this.#rows.deletions(limit)
  }

  async sweep(): Promise<void> {
    for (;;) {
      const removed = this.#rows.removed(SWEEP_BATCH)
      for (const { id, gone } of removed) {
        await this.#live.discard(id)
        // Files first: what has no row is unlisted, and what has no file is looked for once more.
        await unavailable(removeSegments(this.#folder, this.#rows.segments(id)))
        const revision = await this.#commits.write(() => this.#rows.forget(id))
        if (gone !== undefined) this.#changes.add(toGone(gone, revision))
      }
      if (removed.length < SWEEP_BATCH) break
    }
    this.#storedBytes = this.#rows.storedBytes()
  }

  async dropUnlisted(bytes: number): Promise<void> {
    await unavailable(this.#unlisted.drop(bytes))
  }

  totals() {
    return this.#rows.totals()
  }

  verify(segmentsMax: number) {
    return unavailable(this.#looks.next(segmentsMax))
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
    const bytes = this.#storedBytes + this.#journal.size()
    return { bytes, open: this.#live.size, ...this.#unlisted.size() }
  }

  async close(): Promise<void> {
    const reason = 'the control plane ended'
    await this.#live.endAll({ ending: 'interrupted', reason, endedAtMs: this.#parts.now() })
    await this.#journal.close()
  }

  #require(id: string) {
    const recording = this.#rows.get(id)
    if (recording === undefined) throw new Fault('not_found', 'There is no recording of this id')
    return recording
  }
}

function importedAlready(earlier = ''): Fault {
  const name = earlier.toLowerCase()
  const text = `This file was imported into the namespace already, as session ${name}: read that session, or delete it before you import the file again`
  return new Fault('binding_conflict', text)
}
