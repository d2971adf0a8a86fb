import type { Database as SqliteDatabase } from 'better-sqlite3'
import type { RecordingLevel, SessionEnding } from '../../../core/recording/session-event.ts'
import type {
  NewRecording,
  Recording,
  RecordingChange,
  RecordingDeletion,
  RecordingEnd,
  RecordingFilter,
  RecordingMark,
  RecordingReader,
} from '../recording-store.ts'
import type { Segment } from './segment-file.ts'

interface RecordingRow {
  readonly id: string
  readonly decision_sequence: number
  readonly revision: number
  readonly namespace: string
  readonly pod: string
  readonly pod_uid: string
  readonly root_requester: string
  readonly protocol: string
  readonly level: string
  readonly began_at_ms: number
  readonly ended_at_ms: number | null
  readonly ending: string
  readonly reason: string
  readonly chunks: number
  readonly duration_us: number
  readonly raw_bytes: number
  readonly stored_bytes: number
  readonly reviewed_by: string
  readonly reviewed_at_ms: number | null
}

interface SegmentRow {
  readonly number: number
  readonly first_chunk: number
  readonly last_chunk: number
  readonly raw_bytes: number
  readonly stored_bytes: number
  readonly sha256: Buffer
}

const FILTERED = `select * from recording where deleted_at_ms is null
  and decision_sequence > @after
  and (@namespace = '' or namespace = @namespace) and (@pod = '' or pod = @pod)
  and (@root = '' or root_requester = @root)
  and (@live = -1 or (ended_at_ms is null) = @live)
  order by decision_sequence limit @limit`

/** What the database knows of recordings. Writes are made inside a transaction of the caller. */
export class RecordingRows {
  readonly #statements: ReturnType<typeof prepare>

  constructor(sqlite: SqliteDatabase) {
    this.#statements = prepare(sqlite)
  }

  /** False when there is, or was, one of this decision. */
  insert(recording: NewRecording): boolean {
    const { changes } = this.#statements.insert.run({
      ...recording,
      revision: this.#nextRevision(),
    })
    return changes === 1
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

  /** With those that were deleted. */
  isKnown(id: string): boolean {
    return this.#statements.known.get(id) !== undefined
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
    return this.#statements.segments.all(id).map((row) => ({
      ...{ id, number: row.number, firstChunk: row.first_chunk, lastChunk: row.last_chunk },
      ...{ rawBytes: row.raw_bytes, storedBytes: row.stored_bytes, sha256: row.sha256 },
    }))
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
    }
  }
}

/** A recording that was there before a change and is not after it. */
export function toGone(recording: Recording, revision: number): RecordingChange {
  return { revision, id: recording.id, gone: { ...recording, revision } }
}

function prepare(sqlite: SqliteDatabase) {
  return {
    insert: sqlite.prepare<object>(
      `insert into recording (id, decision_sequence, revision, namespace, pod, pod_uid, root_requester,
         protocol, level, began_at_ms)
       values (@id, @decisionSequence, @revision, @namespace, @pod, @podUid, @rootRequester,
         @protocol, @level, @beganAtMs) on conflict do nothing`,
    ),
    insertSegment: sqlite.prepare<object>(
      `insert into recording_segment (id, number, first_chunk, last_chunk, raw_bytes, stored_bytes, sha256)
       values (@id, @number, @firstChunk, @lastChunk, @rawBytes, @storedBytes, @sha256)`,
    ),
    grow: sqlite.prepare<object>(
      `update recording set chunks = @chunks, duration_us = @durationUs, raw_bytes = raw_bytes + @rawBytes,
         stored_bytes = stored_bytes + @storedBytes, revision = @revision where id = @id`,
    ),
    end: sqlite.prepare<object>(
      `update recording set ended_at_ms = @endedAtMs, ending = @ending, reason = @reason, revision = @revision
       where id = @id and ended_at_ms is null`,
    ),
    noteReader: sqlite.prepare<object>(
      `insert into recording_reader (id, username, first_at_ms, last_at_ms, reads)
       values (@id, @username, @atMs, @atMs, 1) on conflict (id, username)
       do update set last_at_ms = @atMs, reads = reads + 1`,
    ),
    touch: sqlite.prepare<object>('update recording set revision = @revision where id = @id'),
    review: sqlite.prepare<object>(
      `update recording set reviewed_by = @username, reviewed_at_ms = @atMs, revision = @revision
       where id = @id`,
    ),
    remove: sqlite.prepare<object>(
      `update recording set deleted_by = @username, deleted_at_ms = @atMs, stored_bytes = 0, revision = @revision
       where id = @id`,
    ),
    removeSegments: sqlite.prepare<[string]>('delete from recording_segment where id = ?'),
    known: sqlite.prepare<[string], string>('select id from recording where id = ?').pluck(),
    get: sqlite.prepare<[string], RecordingRow>(
      'select * from recording where id = ? and deleted_at_ms is null',
    ),
    list: sqlite.prepare<object, RecordingRow>(FILTERED),
    open: sqlite
      .prepare<[], string>('select id from recording where ended_at_ms is null order by id')
      .pluck(),
    segments: sqlite.prepare<[string], SegmentRow>(
      'select * from recording_segment where id = ? order by number',
    ),
    readers: sqlite.prepare<[string], RecordingReader>(
      `select username, first_at_ms as firstAtMs, last_at_ms as lastAtMs, reads
       from recording_reader where id = ? order by username`,
    ),
    deletions: sqlite.prepare<[number], RecordingDeletion>(
      `select id, deleted_by as username, deleted_at_ms as atMs from recording
       where deleted_at_ms is not null order by deleted_at_ms desc limit ?`,
    ),
    storedBytes: sqlite
      .prepare<[], number>('select coalesce(sum(stored_bytes), 0) from recording')
      .pluck(),
    revision: sqlite.prepare<[], number>('select value from recording_revision').pluck(),
    nextRevision: sqlite
      .prepare<[], number>('update recording_revision set value = value + 1 returning value')
      .pluck(),
  }
}
