import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Sessions that were recorded elsewhere, and recordings whose removal is on record while their files are swept. */
export const importedRecordings: Migration = {
  async up(db: Kysely<unknown>) {
    // JSON; empty for a session that was recorded here.
    await sql`alter table recording add column imported text not null default ''`.execute(db)
    await sql`alter table recording add column removed_at_ms integer`.execute(db)
    await sql`create index recording_imported
      on recording (namespace, json_extract(imported, '$.sha256')) where imported <> ''`.execute(db)
    await sql`create index recording_removed on recording (id) where removed_at_ms is not null`.execute(
      db,
    )
  },
}
