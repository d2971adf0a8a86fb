import Sqlite from 'better-sqlite3'
import { waitFor } from '../test/cluster/control.ts'

/** What the recorded peer has in its database, read beside the process that writes it. */
export interface PeerRows {
  /** Decisions on record for a pod. */
  decisions(podUid: string): number
  close(): void
}

const START_MS_MAX = 10_000

/** Opens the peer's file to read only, once the peer has made its table. */
export async function openPeerRows(file: string): Promise<PeerRows> {
  await waitFor("the recorded peer's database", START_MS_MAX, () => hasTable(file))
  const sqlite = new Sqlite(file, { readonly: true, fileMustExist: true })
  const count = sqlite.prepare('select count(*) from record where pod = ?').pluck()
  return { decisions: (podUid) => Number(count.get(podUid)), close: () => void sqlite.close() }
}

function hasTable(file: string): boolean {
  try {
    const sqlite = new Sqlite(file, { readonly: true, fileMustExist: true })
    const found = sqlite.prepare("select 1 from sqlite_master where name = 'record'").get()
    sqlite.close()
    return found !== undefined
  } catch {
    // Not there yet, or just being made.
    return false
  }
}
