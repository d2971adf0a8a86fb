import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import type { Cluster } from '../test/cluster/cluster.ts'

/** What the control plane's database holds, read beside the process that writes it. */
export interface AuditRows {
  /** Decisions on record for a pod. */
  decisions(podUid: string): number
  /** Those of them whose outcome is not on record yet. */
  open(podUid: string): number
  close(): void
}

/** The control plane's database: the file that the chart keeps on the node. */
export function databaseFile(cluster: Cluster): string {
  return join(cluster.paths.volumes, 'lanyard', 'lanyard.db')
}

/** Opens it, to read only. */
export function openAuditRows(cluster: Cluster): AuditRows {
  const file = databaseFile(cluster)
  const sqlite = new Sqlite(file, { readonly: true, fileMustExist: true })
  const count = (condition: string) =>
    sqlite
      .prepare(
        `select count(*) from record as decision join chain on digest = chain_digest where chain.pod_uid = ? ${condition}`,
      )
      .pluck()
  const all = count('')
  const open = count('and not exists (select 1 from record where about = decision.sequence)')
  return {
    decisions: (podUid) => Number(all.get(podUid)),
    open: (podUid) => Number(open.get(podUid)),
    close: () => sqlite.close(),
  }
}
