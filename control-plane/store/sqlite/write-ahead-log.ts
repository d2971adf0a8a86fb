import { closeSync, fdatasyncSync, openSync } from 'node:fs'

/** The write-ahead log of a database, as the file that it is. */
export interface WriteAheadLog {
  /** Returns once every commit before it is on disk. Throws when that cannot be known. */
  sync(): void
  close(): void
}

/**
 * The log of the database at `path`, which SQLite has open: with `synchronous=NORMAL` SQLite writes a commit
 * to the log, and leaves it to others when that is on disk. SQLite's own way (`FULL`) is an fsync, which also
 * waits until the file system has noted when the file was written, behind whatever else the machine writes.
 * No lock of SQLite is on this file, so that closing it here takes none away.
 */
export function openWriteAheadLog(path: string): WriteAheadLog {
  if (path === ':memory:') return { sync() {}, close() {} }
  const file = openSync(logOf(path), 'r')
  return { sync: () => fdatasyncSync(file), close: () => closeSync(file) }
}

/** Where SQLite keeps it. */
export function logOf(path: string): string {
  return `${path}-wal`
}
