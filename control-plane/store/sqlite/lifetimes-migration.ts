import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/**
 * How old chains are, chains that grow, and who reached into pods. What is there already counts from
 * now on, since nobody wrote down when a workload's root requester was last seen.
 */
export const lifetimes: Migration = {
  async up(db: Kysely<unknown>) {
    const nowMs = Date.now()
    for (const table of ['pod_binding', 'workload']) {
      for (const column of ['began_at_ms', 'renewed_at_ms']) {
        await sql`alter table ${sql.table(table)} add column ${sql.ref(column)} integer not null default 0`.execute(
          db,
        )
      }
      await sql`update ${sql.table(table)} set began_at_ms = ${nowMs}, renewed_at_ms = ${nowMs}`.execute(
        db,
      )
    }
    await sql`update pod_binding set began_at_ms = bound_at_ms`.execute(db)
    await sql`alter table pod_binding add column growth integer not null default 0`.execute(db)
    await sql`alter table pod_binding add column visits text not null default '{"visitors":[],"omitted":0}'`.execute(
      db,
    )
    await sql`alter table pod_binding add column first_sequence integer`.execute(db)
    await sql`update pod_binding set first_sequence = enrolled_sequence`.execute(db)
    await sql`alter table decision add column growth integer not null default 0`.execute(db)
    await db.schema
      .createTable('former_chain')
      .addColumn('pod_uid', 'text', (column) => column.notNull())
      .addColumn('growth', 'integer', (column) => column.notNull())
      .addColumn('chain', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('former_chain_key', ['pod_uid', 'growth'])
      .execute()
  },
}
