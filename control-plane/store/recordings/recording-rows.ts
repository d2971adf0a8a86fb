import type { Database as SqliteDatabase } from 'better-sqlite3'
import { assert } from '../../../core/assert.ts'
import type { RecordingLevel, SessionEnding } from '../../../core/recording/session-event.ts'
import type { SessionImport } from '../../../core/recording/session-import.ts'
import type {
  ImportedSession,
  NewRecording,
  Recording,
  RecordingChange,
  RecordingDeletion,
  RecordingEnd,
  RecordingFilter,
  RecordingMark,
  RecordingTotals,
} from '../recording-store.ts'
import { prepareRecordings, type RecordingRow, type SegmentRow } from './recording-statements.ts'
import type { Segment } from './segment-file.ts'

/** What the database knows of recordings. Writes are made inside a transaction of the caller. */
export class RecordingRows {
  readonly #statements: ReturnType<typeof prepareRecordings>

  constructor(sqlite: SqliteDatabase) {
    this.#statements = prepareRecordings(sqlite)
  }

  /** False when there is, or was, one of this decision. */
  insert(recording: NewRecording): boolean {
    const { changes } = this.#statements.insert.run({
      ...recording,
      revision: this.#nextRevision(),
    })
    return changes === 1
  }

  /** A session that was recorded elsewhere, whole, at its place in the log. */
  insertImport(
    { imported, level }: ReturnType<ImportedSession['summary']>,
    decisionSequence: number,
    segments: readonly Segment[],
    durationUs: number,
  ): void {
    const { id, namespace, atMs } = imported
    const isNew = this.insert({
      ...{ id, decisionSequence, namespace, level, beganAtMs: atMs },
      ...{ podUid: '', pod: '', rootRequester: '', protocol: '' },
    })
    assert(isNew, 'an import has an id and a place of its own')
    this.#statements.markImported.run(JSON.stringify(imported), id)
    for (const segment of segments) this.insertSegment(segment, durationUs)
    this.end(id, { ending: 'finished', reason: '', endedAtMs: atMs })
  }

  /** The id under which people can read the same file, imported into the same namespace. */
  importedAs({ namespace, sha256 }: SessionImport): string | undefined {
    return this.#statements.importedAs.get(namespace, sha256)
  }

  insertSegment(segment: Segment, durationUs: number): void {
    this.#statements.insertSegment.run(segment)
    const { id, lastChunk: chunks, rawBytes, storedBytes } = segment
    const revision = this.#nextRevision()
    this.#statements.grow.run({ id, chunks, durationUs, rawBytes, storedBytes, revision })
  }

  end(id: string, end: RecordingEnd): void {
    this.#statements.end.run({ id, ...end, revision: this.#nextRevision() })
  }

  noteReader(id: string, { username, atMs }: RecordingMark): void {
    this.#statements.noteReader.run({ id, username, atMs })
    this.#statements.touch.run({ id, revision: this.#nextRevision() })
  }

  review(id: string, { username, atMs }: RecordingMark): void {
    this.#statements.review.run({ id, username, atMs, revision: this.#nextRevision() })
  }

  /** Its segments go; that it was there, and who deleted it, stays. */
  remove(id: string, { username, atMs }: RecordingMark): void {
    this.#statements.removeSegments.run(id)
    this.#statements.remove.run({ id, username, atMs, revision: this.#nextRevision() })
  }

  /** With those that were deleted or removed. */
  isKnown(id: string): boolean {
    return this.#statements.known.get(id) !== undefined
  }

  /** Whether somebody deleted it. */
  isDeleted(id: string): boolean {
    return this.#statements.deleted.get(id) !== undefined
  }

  hasSegment(id: string, number: number): boolean {
    return this.#statements.hasSegment.get(id, number) !== undefined
  }

  /** Some of those whose removal is on record; `gone` says what those people could read were. */
  removed(limit: number): readonly { readonly id: string; readonly gone?: Recording }[] {
    return this.#statements.removed.all(limit).map((row) => {
      const isSeen = row.deleted_at_ms === null
      return { id: row.id, ...(isSeen ? { gone: this.#toRecording(row) } : {}) }
    })
  }

  /** The rows of one that was removed go. */
  forget(id: string): void {
    for (const statement of this.#statements.forget) statement.run(id)
    this.#nextRevision()
  }

  totals(): RecordingTotals {
    const { count = 0, imported, oldest } = this.#statements.totals.get() ?? {}
    const oldestBeganAtMs = oldest ?? undefined
    return {
      ...{ count, imported: imported ?? 0 },
      ...(oldestBeganAtMs === undefined ? {} : { oldestBeganAtMs }),
    }
  }

  /** How many there are of all recordings. */
  countSegments(): number {
    return this.#statements.countSegments.get() ?? 0
  }

  /** Segments of all recordings after one, by id and number. */
  segmentsAfter(id: string, number: number, limit: number): readonly Segment[] {
    return this.#statements.segmentsAfter
      .all({ id, number, limit })
      .map((row) => toSegment(row.id, row))
  }

  get(id: string): Recording | undefined {
    const row = this.#statements.get.get(id)
    return row === undefined ? undefined : this.#toRecording(row)
  }

  list(filter: RecordingFilter, after: number, limit: number): readonly Recording[] {
    const { namespace = '', pod = '', rootRequester: root = '', live } = filter
    const rows = this.#statements.list.all({
      ...{ namespace, pod, root, after, limit },
      live: live === undefined ? -1 : Number(live),
    })
    return rows.map((row) => this.#toRecording(row))
  }

  /** Ids of those that have not ended. */
  open(): readonly string[] {
    return this.#statements.open.all()
  }

  segments(id: string): readonly Segment[] {
    return this.#statements.segments.all(id).map((row) => toSegment(id, row))
  }

  deletions(limit: number): readonly RecordingDeletion[] {
    return this.#statements.deletions.all(limit)
  }

  storedBytes(): number {
    return this.#statements.storedBytes.get() ?? 0
  }

  revision(): number {
    return this.#statements.revision.get() ?? 0
  }

  #nextRevision(): number {
    return this.#statements.nextRevision.get() ?? 0
  }

  #toRecording(row: RecordingRow): Recording {
    const { ended_at_ms: endedAtMs, reviewed_at_ms: reviewedAtMs } = row
    return {
      ...{ id: row.id, decisionSequence: row.decision_sequence, revision: row.revision },
      ...{ podUid: row.pod_uid, namespace: row.namespace, pod: row.pod },
      ...{ rootRequester: row.root_requester, protocol: row.protocol },
      level: row.level as Exclude<RecordingLevel, 'none'>,
      beganAtMs: row.began_at_ms,
      ...(endedAtMs === null
        ? {}
        : { end: { ending: row.ending as SessionEnding, reason: row.reason, endedAtMs } }),
      ...{ chunks: row.chunks, durationUs: row.duration_us },
      ...{ rawBytes: row.raw_bytes, storedBytes: row.stored_bytes },
      ...(reviewedAtMs === null
        ? {}
        : { reviewed: { username: row.reviewed_by, atMs: reviewedAtMs } }),
      readers: this.#statements.readers.all(row.id),
      digests: this.segments(row.id).map(({ sha256 }) => sha256.toString('hex')),
      ...(row.imported === '' ? {} : { imported: JSON.parse(row.imported) as SessionImport }),
    }
  }
}

/** A recording that was there before a change and is not after it. */
export function toGone(recording: Recording, revision: number): RecordingChange {
  return { revision, id: recording.id, gone: { ...recording, revision } }
}

function toSegment(id: string, row: SegmentRow): Segment {
  return {
    ...{ id, number: row.number, firstChunk: row.first_chunk, lastChunk: row.last_chunk },
    ...{ rawBytes: row.raw_bytes, storedBytes: row.stored_bytes, sha256: row.sha256 },
  }
}
