import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** When pods ended. Which of those that are there have is seen at the first list of pods. */
export const podEnds: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`alter table pod_binding add column ended_at_ms integer`.execute(db)
    // The pods that are looked at again and again: as many as there are, however many there were.
    await sql`create index pod_binding_unended on pod_binding (sequence, enrolled_sequence) where ended_at_ms is null`.execute(
      db,
    )
  },
}
