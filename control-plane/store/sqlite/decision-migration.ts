import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/**
 * What a decision asks for besides yes and no, what an exec runs, which rules matched, of which cluster
 * a chain is, and which sidecar enrolled. A chain that is older gets its cluster when the file is opened.
 */
export const decisions: Migration = {
  async up(db: Kysely<unknown>) {
    const columns = {
      decision: ['exec', 'port_forward', 'obligations', 'matches'],
      pod_binding: ['cluster_id', 'cluster_name', 'sidecar_version'],
    }
    for (const [table, names] of Object.entries(columns)) {
      for (const name of names) {
        await sql`alter table ${sql.table(table)} add column ${sql.ref(name)} text not null default ''`.execute(
          db,
        )
      }
    }
  },
}
