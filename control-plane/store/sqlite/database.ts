import { statSync } from 'node:fs'
import Sqlite, { type Database as SqliteDatabase } from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { Migrator } from 'kysely/migration'
import { Fault } from '../../../core/fault.ts'
import type { DatabaseSchema } from './database-schema.ts'
import { createMigrationProvider } from './migrations.ts'
import type { OnProgress } from './record-migration.ts'

/** One SQLite file, opened once: the process is its only writer. */
export interface Database {
  readonly kysely: Kysely<DatabaseSchema>
  /** For the hot path: statements that Kysely compiled once. */
  readonly sqlite: SqliteDatabase
  /** What is wrong with the file under the open handle; undefined when nothing is. */
  problem(): string | undefined
  close(): void
}

/** A lock that another process holds blocks the whole process, so it is waited for only briefly. */
const BUSY_TIMEOUT_MS = 100

/**
 * Pages of the log after which they are copied into the file, in the middle of a commit. SQLite's own
 * 1,000 come every fifty milliseconds under load, each with two more fsyncs; the log stays at 16 MiB.
 */
const CHECKPOINT_PAGES = 4_000

/** Opens and migrates. Throws `audit_unavailable` when the file cannot be used. `:memory:` is for tests. */
export async function openDatabase(path: string, onProgress?: OnProgress): Promise<Database> {
  try {
    const sqlite = new Sqlite(path, { timeout: BUSY_TIMEOUT_MS })
    sqlite.pragma('journal_mode = WAL')
    // A decision is on disk before its request goes on.
    sqlite.pragma('synchronous = FULL')
    sqlite.pragma('foreign_keys = ON')
    sqlite.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
    const kysely = new Kysely<DatabaseSchema>({ dialect: new SqliteDialect({ database: sqlite }) })
    const { error } = await new Migrator({
      db: kysely,
      provider: createMigrationProvider(sqlite, onProgress),
    }).migrateToLatest()
    if (error !== undefined) throw error
    return { kysely, sqlite, problem: watchFile(path), close: () => sqlite.close() }
  } catch (error) {
    throw new Fault('audit_unavailable', `Cannot open the database ${path}`, { cause: error })
  }
}

/** A file that was deleted or replaced takes writes that nobody will ever read. */
function watchFile(path: string): () => string | undefined {
  if (path === ':memory:') return () => undefined
  const { ino } = statSync(path)
  return () => {
    const now = statSync(path, { throwIfNoEntry: false })
    if (now === undefined) return 'the database file was deleted'
    return now.ino === ino ? undefined : 'the database file was replaced'
  }
}
