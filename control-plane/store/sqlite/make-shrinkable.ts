import { statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Database as SqliteDatabase } from 'better-sqlite3'
import { runBeside } from './run-beside.ts'

const SHRINKABLE = 2
/** Left for what is recorded meanwhile. */
const ROOM_BYTES = 64 * 1024 * 1024

/**
 * An older file gives nothing back of what is removed from it until it is written again, once: in another process, since
 * the event loop would stand for minutes with a large one and be taken for dead. Where the volume has no room
 * for that the file stays as it is, and what is removed is used again all the same.
 */
export async function makeShrinkable(sqlite: SqliteDatabase, path: string): Promise<void> {
  if (path === ':memory:') return
  if (sqlite.pragma('auto_vacuum', { simple: true }) === SHRINKABLE) return
  const { bavail, bsize } = statfsSync(dirname(path))
  // The new file, and as much again in the log.
  if (bavail * bsize < 2 * statSync(path).size + ROOM_BYTES) return
  // SQLite leaves the file as it was when this fails, and it serves as well.
  await new Promise<void>((resolve) => void runBeside(writeAgain, path, () => resolve()))
}

function writeAgain(path: string): void {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
  const database = new DatabaseSync(path)
  database.exec('pragma auto_vacuum = incremental; vacuum; pragma wal_checkpoint(truncate)')
  database.close()
}
