import type { Database as SqliteDatabase } from 'better-sqlite3'
import { Fault } from '../../core/fault.ts'

/** Writes that share one transaction. The callback runs inside it, synchronously. */
export type Write = () => void

interface Waiting {
  readonly write: Write
  readonly resolve: () => void
  readonly reject: (fault: Fault) => void
}

export interface CommitQueue {
  /**
   * Resolves once the write is on disk. Throws `audit_unavailable` when its transaction failed, so
   * that nothing of it is there, and `overloaded` when too many wait.
   */
  commit(write: Write): Promise<void>
  /** Calls back after each transaction; returns the way to stop. */
  onCommit(listener: () => void): () => void
  /** Whether the last transaction failed, and how. */
  problem(): string | undefined
}

/** One fsync serves all who came since the last one; more than this would hold the loop too long. */
const BATCH_WRITES_MAX = 512
/** About a second's worth of decisions. */
const WAITING_WRITES_MAX = 20_000

/** Group commit over one SQLite handle: the only writer of the process. */
export function createCommitQueue(sqlite: SqliteDatabase): CommitQueue {
  const waiting: Waiting[] = []
  const listeners = new Set<() => void>()
  let scheduled = false
  let problem: string | undefined
  const begin = sqlite.prepare('begin immediate')
  const end = sqlite.prepare('commit')
  const undo = sqlite.prepare('rollback')

  function commit(write: Write): Promise<void> {
    if (waiting.length >= WAITING_WRITES_MAX) {
      return Promise.reject(new Fault('overloaded', 'Too many decisions wait to be recorded'))
    }
    return new Promise((resolve, reject) => {
      waiting.push({ write, resolve, reject })
      schedule()
    })
  }

  function schedule(): void {
    if (scheduled) return
    scheduled = true
    // After the callbacks of this turn: whoever comes with them shares the transaction.
    setImmediate(flush)
  }

  function flush(): void {
    scheduled = false
    const batch = waiting.splice(0, BATCH_WRITES_MAX)
    if (waiting.length > 0) schedule()
    const fault = runTransaction(batch)
    problem = fault?.message
    for (const { resolve, reject } of batch) {
      if (fault === undefined) resolve()
      else reject(fault)
    }
    if (fault === undefined) for (const listener of listeners) listener()
  }

  function runTransaction(batch: readonly Waiting[]): Fault | undefined {
    try {
      begin.run()
      for (const { write } of batch) write()
      end.run()
      return undefined
    } catch (error) {
      // Converted for each waiter; SQLite has undone the transaction itself for some errors.
      if (sqlite.inTransaction) undo.run()
      return new Fault('audit_unavailable', 'Cannot put the decision on record', { cause: error })
    }
  }

  return {
    commit,
    onCommit(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    problem: () => problem,
  }
}
