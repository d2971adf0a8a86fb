import type { SessionImport } from '../../../core/recording/session-import.ts'
import type { AuditEventStore } from '../audit-event-store.ts'
import type { CommitQueue } from './commit-queue.ts'
import type { Database } from './database.ts'
import { RecordReader } from './record-reader.ts'
import { type CommitAccess, RecordWriter } from './record-writer.ts'

/** The log, with what only stores beside it do. */
export interface SqliteAuditEventStore extends AuditEventStore {
  /** As `RecordWriter.appendImport`. */
  appendImport(imported: SessionImport, also: (sequence: number) => boolean): Promise<boolean>
  readonly commitAccess: CommitAccess
}

/** The log in SQLite. */
export function createSqliteAuditEventStore(
  db: Database,
  queue: CommitQueue,
): SqliteAuditEventStore {
  const writer = new RecordWriter(db, queue)
  const reader = new RecordReader(db)
  return {
    append: (event) => writer.append(event),
    appendImport: (imported, also) => writer.appendImport(imported, also),
    commitAccess: (work) => writer.commitAccess(work),
    sum: (podUid, id, summary) => writer.sum(podUid, id, summary),
    complete: (podUid, id, outcome) => writer.complete(podUid, id, outcome),
    removeOldest: (request) => writer.removeOldest(request),
    sweep: (limit) => writer.sweep(limit),
    newest: () => writer.newest(),
    removals: (limit) => reader.removals(limit),
    get: (id) => reader.get(id),
    list: (filter, stretch) => reader.list(filter, stretch),
    changes: (filter, stretch) => reader.changes(filter, stretch),
    onCommit: (listener) => queue.onCommit(listener),
  }
}
