import Sqlite, { type Database as SqliteDatabase, type Statement } from 'better-sqlite3'
import { Fault } from '../../../core/fault.ts'
import { type Clock, SYSTEM_CLOCK } from '../../../platform/clock.ts'
import { FairTurns, OWN_SHARE, type Share } from '../../fairness/fair-turns.ts'
import type { Database } from './database.ts'

/** Writes that share one transaction. The callback runs inside it, synchronously. */
export type Write = () => void

/**
 * `soon` joins the next transaction of others, and has one of its own when none comes. `unsynced` resolves once it
 * is committed, and a crash may undo it as a whole: for what is done again then.
 */
export type When = 'now' | 'soon' | 'unsynced'

interface WaitingWrite {
  readonly write: Write
  readonly synced: boolean
  readonly resolve: () => void
  readonly reject: (fault: Fault) => void
}

export interface CommitQueue {
  /**
   * Resolves once the write is on disk. Throws `audit_unavailable` when it or its transaction
   * failed, so that nothing of it is there, and `overloaded` when too many wait, of all or of one pod.
   * Writes are taken in turns by whose `share` they are, in order within a share.
   */
  commit(write: Write, when?: When, share?: Share): Promise<void>
  /** How many wait. */
  waiting(): number
  /** Calls back after each transaction; returns the way to stop. */
  onCommit(listener: () => void): () => void
  /** Whether the last transaction failed, and how. */
  problem(): string | undefined
  /**
   * Why what was committed may not be on disk; undefined while it is. For good: what a disk has failed to
   * take once, no later success tells anything of.
   */
  doubt(): string | undefined
  /** Commits a harmless write, to find out whether the disk accepts writes again. */
  probe(): Promise<void>
}

/** One fsync serves all who came since the last one; more than this would hold the loop too long. */
const BATCH_WRITES_MAX = 512
/**
 * How long a write in the mode `soon` waits for others to share its transaction. Without the wait, the
 * outcome of one request would delay the decision on the next request by an fsync.
 */
const SOON_MS = 10
/** About a second's worth of decisions. */
const WAITING_WRITES_MAX = 20_000
/** Of one pod: more than one sidecar asks at the same time, and a fraction of all. */
const WAITING_WRITES_PER_POD_MAX = 4_096

/** Told of each transaction; `seconds` is how long it took. */
export type OnTransaction = (result: 'ok' | 'failed', seconds: number) => void

type Committed = Pick<Database, 'sqlite' | 'syncLog'>

/** Group commit over one SQLite handle: the only writer of the process. */
export function createCommitQueue(
  database: Committed,
  onTransaction: OnTransaction = () => {},
  clock = SYSTEM_CLOCK,
): CommitQueue {
  return new GroupCommit(database, onTransaction, clock)
}

class GroupCommit implements CommitQueue {
  readonly #sqlite: SqliteDatabase
  readonly #syncLog: () => void
  readonly #onTransaction: OnTransaction
  readonly #clock: Clock
  readonly #waiting = new FairTurns<WaitingWrite>()
  readonly #listeners = new Set<() => void>()
  readonly #begin: Statement
  readonly #end: Statement
  readonly #undo: Statement
  #scheduled = false
  #cancelSoon: (() => void) | undefined
  #probes = 0
  #problem: string | undefined
  #doubt: string | undefined

  constructor({ sqlite, syncLog }: Committed, onTransaction: OnTransaction, clock: Clock) {
    this.#sqlite = sqlite
    this.#syncLog = syncLog
    this.#onTransaction = onTransaction
    this.#clock = clock
    this.#begin = this.#sqlite.prepare('begin immediate')
    this.#end = this.#sqlite.prepare('commit')
    this.#undo = this.#sqlite.prepare('rollback')
  }

  waiting(): number {
    return this.#waiting.size
  }

  problem(): string | undefined {
    return this.#problem
  }

  doubt(): string | undefined {
    return this.#doubt
  }

  onCommit(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  commit(write: Write, when: When = 'now', share = OWN_SHARE): Promise<void> {
    if (this.#doubt !== undefined) return Promise.reject(unrecorded(new Error(this.#doubt)))
    const ofPod = share === OWN_SHARE ? 0 : this.#waiting.sizeOfPod(share)
    if (this.#waiting.size >= WAITING_WRITES_MAX || ofPod >= WAITING_WRITES_PER_POD_MAX) {
      return Promise.reject(new Fault('overloaded', 'Too many decisions wait to be recorded'))
    }
    return new Promise((resolve, reject) => {
      this.#waiting.add(share, { write, synced: when !== 'unsynced', resolve, reject })
      if (when !== 'soon') this.#schedule()
      else this.#cancelSoon ??= this.#clock.after(SOON_MS, () => this.#schedule())
    })
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    // After the callbacks of this turn: whoever comes with them shares the transaction.
    setImmediate(() => this.#flush())
  }

  #flush(): void {
    this.#scheduled = false
    this.#cancelSoon?.()
    this.#cancelSoon = undefined
    const batch = takeSome(this.#waiting)
    if (this.#waiting.size > 0) this.#schedule()
    const unwritable = new Map<WaitingWrite, Fault>()
    const beganMs = this.#clock.monotonicMs()
    const fault = this.#runTransaction(batch, unwritable)
    const seconds = (this.#clock.monotonicMs() - beganMs) / 1_000
    this.#onTransaction(fault === undefined ? 'ok' : 'failed', seconds)
    this.#problem = fault?.message
    for (const one of batch) {
      const own = fault ?? unwritable.get(one)
      if (own === undefined) one.resolve()
      else one.reject(own)
    }
    if (fault === undefined) for (const listener of this.#listeners) listener()
  }

  /** What is wrong with one write goes to `unwritable`, and the others are committed without it. */
  #runTransaction(
    batch: readonly WaitingWrite[],
    unwritable: Map<WaitingWrite, Fault>,
  ): Fault | undefined {
    try {
      this.#begin.run()
      for (const one of batch) {
        const error = attempt(one.write)
        if (error !== undefined) unwritable.set(one, unrecorded(error))
      }
      this.#end.run()
    } catch (error) {
      // Converted for each waiter; SQLite has undone the transaction itself for some errors.
      if (this.#sqlite.inTransaction) this.#undo.run()
      return unrecorded(error)
    }
    return batch.some(({ synced }) => synced) ? this.#sync() : undefined
  }

  /** Until then nobody is told that anything is on record. */
  #sync(): Fault | undefined {
    try {
      this.#syncLog()
      return undefined
    } catch (error) {
      // Converted for each waiter; the transaction cannot be undone any more, so that nothing else may follow.
      const fault = unrecorded(error)
      this.#doubt = 'the disk did not take what was committed'
      return fault
    }
  }

  async probe(): Promise<void> {
    this.#probes += 1
    // Nothing reads this number; a transaction that changes nothing would write nothing.
    await this.commit(() => void this.#sqlite.pragma(`user_version = ${this.#probes}`))
  }
}

function takeSome(waiting: FairTurns<WaitingWrite>): readonly WaitingWrite[] {
  const batch: WaitingWrite[] = []
  while (batch.length < BATCH_WRITES_MAX) {
    const next = waiting.take()
    if (next === undefined) break
    batch.push(next)
  }
  return batch
}

/** What SQLite refuses about one statement, leaving the transaction as it was. */
const OF_ONE_STATEMENT = /^SQLITE_(?:CONSTRAINT|MISMATCH|TOOBIG|RANGE)/

/** The error of a write that is itself at fault. Throws what concerns the whole transaction. */
function attempt(write: Write): unknown {
  try {
    write()
    return undefined
  } catch (error) {
    if (error instanceof Sqlite.SqliteError && !OF_ONE_STATEMENT.test(error.code)) throw error
    return error
  }
}

function unrecorded(cause: unknown): Fault {
  return new Fault('audit_unavailable', 'Cannot put the decision on record', { cause })
}
