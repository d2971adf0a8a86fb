import type { Database as SqliteDatabase } from 'better-sqlite3'
import { type Kysely, sql } from 'kysely'
import type { Migration, MigrationProvider } from 'kysely/migration'
import { accessRequests } from './access-requests-migration.ts'
import { decisions } from './decision-migration.ts'
import { importedRecordings } from './imported-recordings-migration.ts'
import { lifetimes } from './lifetimes-migration.ts'
import { notes } from './note-migration.ts'
import { podEnds } from './pod-ends-migration.ts'
import { type OnProgress, recordLog } from './record-migration.ts'
import { recordings } from './recordings-migration.ts'
import { seenCodes } from './seen-codes-migration.ts'

/* Migrations are modules of the bundle, applied in the order of their names and never changed. */

const first: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('pod_binding')
      .addColumn('sequence', 'integer', (column) => column.primaryKey().autoIncrement())
      .addColumn('pod_uid', 'text', (column) => column.notNull().unique())
      .addColumn('namespace', 'text', (column) => column.notNull())
      .addColumn('pod', 'text', (column) => column.notNull())
      .addColumn('root_requester', 'text', (column) => column.notNull())
      .addColumn('chain', 'text', (column) => column.notNull())
      .addColumn('bound_at_ms', 'integer', (column) => column.notNull())
      .execute()
    await db.schema
      .createIndex('pod_binding_by_name')
      .on('pod_binding')
      .columns(['namespace', 'pod', 'sequence'])
      .execute()
    await db.schema
      .createTable('workload')
      .addColumn('uid', 'text', (column) => column.primaryKey())
      .addColumn('api_version', 'text', (column) => column.notNull())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('namespace', 'text', (column) => column.notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('chain', 'text', (column) => column.notNull())
      .addColumn('via', 'text', (column) => column.notNull())
      .execute()
    await createDecision(db)
  },
}

async function createDecision(db: Kysely<unknown>): Promise<void> {
  const texts = [
    'container',
    'root_requester',
    'verb',
    'also_verbs',
    'api_group',
    'api_version',
    'resource',
    'subresource',
    'target_namespace',
    'target_name',
    'path',
    'reason',
    'refused_by',
    'rule',
    'user_agent',
    'message',
  ]
  let table = db.schema
    .createTable('decision')
    .addColumn('sequence', 'integer', (column) => column.primaryKey())
    .addColumn('revision', 'integer', (column) => column.notNull())
    .addColumn('id', 'text', (column) => column.notNull())
    .addColumn('decided_at_ms', 'integer', (column) => column.notNull())
    .addColumn('pod_uid', 'text', (column) => column.notNull())
    .addColumn('namespace', 'text', (column) => column.notNull())
    .addColumn('pod', 'text', (column) => column.notNull())
  for (const name of texts) table = table.addColumn(name, 'text', (column) => column.notNull())
  await table
    .addColumn('resource_request', 'integer', (column) => column.notNull())
    .addColumn('effect', 'integer', (column) => column.notNull())
    .addColumn('observed', 'integer', (column) => column.notNull())
    .addColumn('http_status', 'integer')
    .addColumn('fault', 'text')
    .addColumn('response_bytes', 'integer')
    .addColumn('completed_at_ms', 'integer')
    .execute()
  await sql`create unique index decision_by_id on decision (id)`.execute(db)
  await sql`create unique index decision_by_revision on decision (revision)`.execute(db)
}

const second: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`alter table pod_binding add column enrolled_sequence integer`.execute(db)
    // Whoever asked for a decision had enrolled. What runs and has not asked yet enrols again.
    await sql`update pod_binding set enrolled_sequence = sequence where pod_uid in (select pod_uid from decision)`.execute(
      db,
    )
    await sql`create unique index pod_binding_by_enrolment on pod_binding (enrolled_sequence)`.execute(
      db,
    )
    await sql`drop index pod_binding_by_name`.execute(db)
    await sql`create index pod_binding_by_name on pod_binding (namespace, pod, enrolled_sequence)`.execute(
      db,
    )
    await sql`alter table workload add column controller_uid text not null default ''`.execute(db)
    await sql`create index workload_by_namespace on workload (namespace)`.execute(db)
  },
}

const third: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`alter table decision add column impersonated_user text not null default ''`.execute(
      db,
    )
  },
}

const fourth: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`alter table workload add column generation integer not null default 0`.execute(db)
    await sql`alter table workload add column touches text not null default '[]'`.execute(db)
  },
}

const sixth: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`alter table decision add column refusals integer`.execute(db)
    await sql`alter table decision add column last_at_ms integer`.execute(db)
    await sql`alter table decision add column samples text`.execute(db)
  },
}

/** Every migration. Those that move many rows do so on the handle itself, and tell how far they are. */
export function createMigrationProvider(
  sqlite: SqliteDatabase,
  onProgress: OnProgress = () => {},
): MigrationProvider {
  return {
    getMigrations: () =>
      Promise.resolve({
        '0001-bindings-workloads-decisions': first,
        '0002-enrolments-controllers': second,
        '0003-impersonation': third,
        '0004-touches-generations': fourth,
        '0005-lifetimes': lifetimes,
        '0006-summed-refusals': sixth,
        '0020-decisions-clusters': decisions,
        '0025-pod-ends': podEnds,
        '0026-record-log': recordLog(sqlite, onProgress),
        '0027-notes': notes,
        '0028-seen-codes': seenCodes,
        '0030-recordings': recordings,
        '0035-imported-recordings': importedRecordings,
        '0040-access-requests': accessRequests,
      }),
  }
}
