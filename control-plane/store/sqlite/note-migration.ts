import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** What is known of the file itself, such as when it was copied last. */
export const notes: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`create table note (name text primary key, value text not null) without rowid`.execute(
      db,
    )
  },
}
