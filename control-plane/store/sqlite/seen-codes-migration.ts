import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** What chose code in objects, as far as it was seen; of those that are there it is seen at the next start. */
export const seenCodes: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`alter table workload add column seen_codes text not null default '[]'`.execute(db)
    await sql`alter table workload add column looked_at_generation integer not null default 0`.execute(
      db,
    )
  },
}
