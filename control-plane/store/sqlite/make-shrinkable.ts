import { once } from 'node:events'
import { statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Database as SqliteDatabase } from 'better-sqlite3'

const SHRINKABLE = 2
/** Left for what is recorded meanwhile. */
const ROOM_BYTES = 64 * 1024 * 1024

/**
 * An older file gives nothing back of what is removed from it until it is written again, once: in a thread, since
 * the event loop would stand for minutes with a large one and be taken for dead. Where the volume has no room
 * for that the file stays as it is, and what is removed is used again all the same.
 */
export async function makeShrinkable(sqlite: SqliteDatabase, path: string): Promise<void> {
  if (path === ':memory:') return
  if (sqlite.pragma('auto_vacuum', { simple: true }) === SHRINKABLE) return
  const { bavail, bsize } = statfsSync(dirname(path))
  // The new file, and as much again in the log.
  if (bavail * bsize < 2 * statSync(path).size + ROOM_BYTES) return
  const worker = new Worker(`(${writeAgain.toString()})()`, { eval: true, workerData: { path } })
  try {
    await once(worker, 'exit')
  } catch {
    // Cleans up nothing: SQLite has left the file as it was, and it serves as well.
  }
}

/** The thread: its source is sent as text, so nothing outside of it can be named. */
function writeAgain(): void {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
  const { workerData } = process.getBuiltinModule('node:worker_threads')
  const { path } = workerData as { readonly path: string }
  const database = new DatabaseSync(path)
  database.exec('pragma auto_vacuum = incremental; vacuum; pragma wal_checkpoint(truncate)')
  database.close()
}
