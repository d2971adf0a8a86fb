import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Cluster, UNKNOWN_CLUSTER } from '../../core/cluster.ts'
import { openFileRecordings } from './recordings/file-recording-store.ts'
import { createSqliteAccessRequestStore } from './sqlite/access-request-store.ts'
import { createSqliteAuditEventStore } from './sqlite/audit-event-store.ts'
import { startDatabaseCheck } from './sqlite/check-database.ts'
import { createCommitQueue, type OnTransaction } from './sqlite/commit-queue.ts'
import { openDatabase } from './sqlite/database.ts'
import { createSqlitePodBindingStore } from './sqlite/pod-binding-store.ts'
import { createBackups } from './sqlite/store-backup.ts'
import { createSqliteWorkloadStore } from './sqlite/workload-store.ts'
import type { Store } from './store.ts'

export interface StoreOptions {
  /** Whose pods are bound here; unknown unless told. */
  readonly cluster?: Cluster
  readonly onTransaction?: OnTransaction
  /** Told while an older file is migrated: how many rows are done, of how many. */
  readonly onMigration?: (done: number, of: number) => void
  /** Called when files of recordings were set aside, because the database does not list them. */
  readonly onSetAside?: (files: number, bytes: number) => void
}

/** Opens the SQLite file at `path`. Throws `audit_unavailable` when it cannot be used. */
export async function openStore(path: string, options: StoreOptions = {}): Promise<Store> {
  const { cluster = UNKNOWN_CLUSTER, onTransaction, onMigration, onSetAside = () => {} } = options
  const database = await openDatabase(path, onMigration)
  const queue = createCommitQueue(database, onTransaction)
  const check = startDatabaseCheck(path, Date.now)
  const folder =
    path === ':memory:' ? join(tmpdir(), `lanyard-${randomUUID()}`) : `${path}-recordings`
  const auditEvents = createSqliteAuditEventStore(database, queue)
  const { appendImport, commitAccess } = auditEvents
  const files = { folder, onSetAside, appendImport }
  const recordings = await openFileRecordings({ database, queue, ...files, now: Date.now })
  return {
    bindings: createSqlitePodBindingStore(database, queue, cluster),
    workloads: createSqliteWorkloadStore(database, queue),
    auditEvents,
    accessRequests: createSqliteAccessRequestStore(database, commitAccess),
    recordings,
    problem: () => queue.problem() ?? check.problem(),
    probe: () => queue.probe(),
    doubt: () => queue.doubt() ?? database.problem(),
    ...createBackups(database, queue),
    checkedAtMs: check.wholeAtMs,
    size: database.size,
    shrink: database.shrink,
    checkpoint: database.checkpoint,
    async close() {
      await recordings.close()
      do await queue.commit(() => {})
      while (queue.waiting() > 0)
      await check.stop()
      database.close()
    },
  }
}
