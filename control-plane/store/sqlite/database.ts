import { statSync } from 'node:fs'
import Sqlite, { type Database as SqliteDatabase } from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { Migrator } from 'kysely/migration'
import { Fault } from '../../../core/fault.ts'
import type { StoreSize } from '../store.ts'
import type { DatabaseSchema } from './database-schema.ts'
import { makeShrinkable } from './make-shrinkable.ts'
import { createMigrationProvider } from './migrations.ts'
import type { OnProgress } from './record-migration.ts'
import { logOf, openWriteAheadLog } from './write-ahead-log.ts'

/** One SQLite file, opened once: the process is its only writer. */
export interface Database {
  readonly kysely: Kysely<DatabaseSchema>
  /** For the hot path: statements that Kysely compiled once. */
  readonly sqlite: SqliteDatabase
  /** Returns once what was committed is on disk: SQLite itself does not wait for that. Throws if it may not be. */
  syncLog(): void
  /** What is wrong with the file under the open handle; undefined when nothing is. */
  problem(): string | undefined
  /** How large the file and its log are, and how much of the file holds nothing. */
  size(): StoreSize
  /**
   * Puts at most so many bytes of empty pages at the end of the file, where the next checkpoint cuts them off;
   * false when nothing could be.
   */
  shrink(bytesMax: number): boolean
  /** Copies the log into the file, as far as nobody reads the log. */
  checkpoint(): void
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
    // Before there is any table, so that what is removed can be given back; an older file needs `vacuum`.
    sqlite.pragma('auto_vacuum = INCREMENTAL')
    sqlite.pragma('journal_mode = WAL')
    sqlite.pragma('synchronous = FULL')
    sqlite.pragma('foreign_keys = ON')
    sqlite.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
    const kysely = new Kysely<DatabaseSchema>({ dialect: new SqliteDialect({ database: sqlite }) })
    await migrate(kysely, sqlite, onProgress)
    await makeShrinkable(sqlite, path)
    const log = openWriteAheadLog(path)
    // From now on whoever commits calls syncLog(): a decision is on disk before its request goes on.
    sqlite.pragma('synchronous = NORMAL')
    const problems = [watchFile(path, 'the database file'), watchFile(logOf(path), 'its log')]
    return {
      ...{ kysely, sqlite, syncLog: log.sync },
      problem: () => problems.map((look) => look()).find((problem) => problem !== undefined),
      size: () => sizeOf(sqlite, path),
      shrink: (bytesMax) => shrink(sqlite, bytesMax),
      checkpoint: () => void smaller(() => sqlite.pragma('wal_checkpoint(passive)')),
      close() {
        sqlite.close()
        log.close()
      },
    }
  } catch (error) {
    throw new Fault('audit_unavailable', `Cannot open the database ${path}`, { cause: error })
  }
}

/**
 * All migrations in one transaction: a process that dies half-way leaves the file as it was. Kysely opens
 * none of its own, since its dialect for SQLite says that tables cannot be changed inside of one.
 */
async function migrate(
  kysely: Kysely<DatabaseSchema>,
  sqlite: SqliteDatabase,
  onProgress?: OnProgress,
): Promise<void> {
  const provider = createMigrationProvider(sqlite, onProgress)
  sqlite.exec('begin immediate')
  try {
    const { error } = await new Migrator({ db: kysely, provider }).migrateToLatest()
    if (error !== undefined) throw error
    sqlite.exec('commit')
  } catch (error) {
    // Cleans up; SQLite has undone the transaction itself for some errors.
    if (sqlite.inTransaction) sqlite.exec('rollback')
    throw error
  }
}

function sizeOf(sqlite: SqliteDatabase, path: string): StoreSize {
  const read = (name: string) => Number(sqlite.pragma(name, { simple: true }))
  const page = read('page_size')
  const log = path === ':memory:' ? undefined : statSync(logOf(path), { throwIfNoEntry: false })
  return {
    bytes: read('page_count') * page,
    logBytes: log?.size ?? 0,
    reusableBytes: read('freelist_count') * page,
  }
}

function shrink(sqlite: SqliteDatabase, bytesMax: number): boolean {
  const read = (name: string) => Number(sqlite.pragma(name, { simple: true }))
  const before = read('freelist_count')
  const pages = Math.max(1, Math.floor(bytesMax / read('page_size')))
  smaller(() => sqlite.pragma(`incremental_vacuum(${pages})`))
  return read('freelist_count') < before
}

function smaller(work: () => unknown): void {
  try {
    work()
  } catch (error) {
    throw new Fault('audit_unavailable', 'Cannot make the database smaller', { cause: error })
  }
}

/** A file that was deleted or replaced takes writes that nobody will ever read. */
function watchFile(path: string, name: string): () => string | undefined {
  if (path.startsWith(':memory:')) return () => undefined
  const { ino } = statSync(path)
  return () => {
    const now = statSync(path, { throwIfNoEntry: false })
    if (now === undefined) return `${name} was deleted`
    return now.ino === ino ? undefined : `${name} was replaced`
  }
}
