import type { Database as SqliteDatabase } from 'better-sqlite3'
import type { RecordingDeletion, RecordingReader } from '../recording-store.ts'

/** A recording as it is stored. */
export interface RecordingRow {
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
  readonly imported: string
}

/** A segment as it is stored. */
export interface SegmentRow {
  readonly number: number
  readonly first_chunk: number
  readonly last_chunk: number
  readonly raw_bytes: number
  readonly stored_bytes: number
  readonly sha256: Buffer
}

interface TotalsRow {
  readonly count: number
  /** Null when there is none. */
  readonly imported: number | null
  readonly oldest: number | null
}

const FILTERED = `select * from recording where deleted_at_ms is null
  and removed_at_ms is null and decision_sequence > @after
  and (@namespace = '' or namespace = @namespace) and (@pod = '' or pod = @pod)
  and (@root = '' or root_requester = @root)
  and (@live = -1 or (ended_at_ms is null) = @live)
  order by decision_sequence limit @limit`

/** The statements of `RecordingRows`. */
export function prepareRecordings(sqlite: SqliteDatabase) {
  return { ...prepareWrites(sqlite), ...prepareReads(sqlite) }
}

function prepareWrites(sqlite: SqliteDatabase) {
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
    markImported: sqlite.prepare<[string, string]>(
      'update recording set imported = ? where id = ?',
    ),
    forget: ['recording_segment', 'recording_reader', 'recording'].map((table) =>
      sqlite.prepare<[string]>(`delete from ${table} where id = ?`),
    ),
    nextRevision: sqlite
      .prepare<[], number>('update recording_revision set value = value + 1 returning value')
      .pluck(),
  }
}

function prepareReads(sqlite: SqliteDatabase) {
  return {
    known: sqlite.prepare<[string], string>('select id from recording where id = ?').pluck(),
    get: sqlite.prepare<[string], RecordingRow>(
      'select * from recording where id = ? and deleted_at_ms is null and removed_at_ms is null',
    ),
    list: sqlite.prepare<object, RecordingRow>(FILTERED),
    importedAs: sqlite
      .prepare<[string, string], string>(
        `select id from recording where imported <> '' and namespace = ?
         and json_extract(imported, '$.sha256') = ? and deleted_at_ms is null
         and removed_at_ms is null order by id limit 1`,
      )
      .pluck(),
    open: sqlite
      .prepare<[], string>(
        `select id from recording where ended_at_ms is null and removed_at_ms is null order by id`,
      )
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
    deleted: sqlite.prepare<[string], RecordingRow>(
      'select * from recording where id = ? and deleted_at_ms is not null',
    ),
    hasSegment: sqlite.prepare<[string, number], SegmentRow>(
      'select * from recording_segment where id = ? and number = ?',
    ),
    removed: sqlite.prepare<[number], RecordingRow & { readonly deleted_at_ms: number | null }>(
      'select * from recording where removed_at_ms is not null order by id limit ?',
    ),
    totals: sqlite.prepare<[], TotalsRow>(
      `select count(*) as count, sum(imported <> '') as imported, min(began_at_ms) as oldest
       from recording where deleted_at_ms is null and removed_at_ms is null`,
    ),
    countSegments: sqlite.prepare<[], number>('select count(*) from recording_segment').pluck(),
    segmentsAfter: sqlite.prepare<object, SegmentRow & { readonly id: string }>(
      `select * from recording_segment where (id, number) > (@id, @number)
       order by id, number limit @limit`,
    ),
  }
}
