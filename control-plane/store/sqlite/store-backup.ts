import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { Fault } from '../../../core/fault.ts'
import type { StoreCopy } from '../store.ts'
import type { CommitQueue } from './commit-queue.ts'
import type { Database } from './database.ts'

/** Pages that are copied between two turns of the event loop: some two milliseconds. */
const PAGES = 200

const LAST_BACKUP = 'last-backup-at-ms'

/** Copies of the database, made beside the traffic. */
export function createBackups(db: Database, queue: CommitQueue) {
  const { sqlite } = db
  const note = sqlite.prepare<[string, string]>(
    'insert into note (name, value) values (?, ?) on conflict (name) do update set value = excluded.value',
  )
  const noted = sqlite.prepare<[string], string>('select value from note where name = ?').pluck()

  return {
    /** A copy as of one moment at `path`, whole when it resolves. Throws `audit_unavailable`. */
    async copyTo(path: string): Promise<StoreCopy> {
      try {
        await sqlite.backup(path, { progress: () => PAGES })
        const hash = createHash('sha256')
        await pipeline(createReadStream(path), hash)
        return { bytes: (await stat(path)).size, sha256: hash.digest('hex') }
      } catch (error) {
        await rm(path, { force: true })
        throw new Fault('audit_unavailable', 'Cannot copy the database', { cause: error })
      }
    },
    noteBackup: (atMs: number) => queue.commit(() => void note.run(LAST_BACKUP, String(atMs))),
    lastBackupAtMs(): number | undefined {
      const value = noted.get(LAST_BACKUP)
      return value === undefined ? undefined : Number(value)
    },
  }
}
