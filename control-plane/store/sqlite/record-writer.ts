import { assert } from '../../../core/assert.ts'
import type { AccessChange, Outcome, RefusalSummary } from '../../../core/audit/audit-event.ts'
import type { Removal } from '../../../core/audit/removal.ts'
import type { DelegationChain } from '../../../core/chain.ts'
import { Fault } from '../../../core/fault.ts'
import type { SessionImport } from '../../../core/recording/session-import.ts'
import { shareOf } from '../../fairness/fair-turns.ts'
import type { NewAuditEvent, RemovalRequest } from '../audit-event-store.ts'
import {
  accessChangeBytes,
  importBytes,
  outcomeBytes,
  refusalsBytes,
  removalBytes,
} from '../record-bytes.ts'
import type { CommitQueue } from './commit-queue.ts'
import type { Database } from './database.ts'
import { prepareKeepChain } from './keep-chain.ts'
import { OpenRecords } from './open-records.ts'
import { asBuffer, DECISION_COLUMNS, KINDS, toDecisionValues } from './record-row.ts'
import { RemovedRecords } from './removed-records.ts'

const HIGHEST_SQL = 'select coalesce(max(sequence), 0) as sequence from record'

/**
 * A decision with its pod, and whether it has an outcome. Not in one statement with the insert: SQLite makes a
 * table for a moment when it reads from the table that it writes to, at five times the price.
 */
const FIND_SQL = `select decision.sequence,
  (select chain.pod_uid from chain where chain.digest = decision.chain_digest) as pod_uid,
  exists (select 1 from record as later
    where later.about = decision.sequence and later.kind = ${KINDS.outcome}) as has_outcome
  from record as decision where decision.id = ?`

/** What a change of access requests puts on record, in its own transaction. */
export interface AccessLog {
  /** A decision that rests on the change. */
  append(event: NewAuditEvent): void
  /** The change itself, about the decision that held the request. Throws `not_found` when that one was removed. */
  note(podUid: string, decisionId: string, change: AccessChange): void
}

/**
 * Runs a change of access requests in a transaction of its own. Nothing of it is kept when it throws, and what it
 * throws is thrown. Resolves with its result once all of it is on disk. Throws `audit_unavailable`.
 */
export type CommitAccess = <Result>(work: (log: AccessLog) => Result) => Promise<Result>

interface FoundDecision {
  readonly sequence: number
  readonly pod_uid: string | null
  readonly has_outcome: number
}

/** Puts records at the end of the log, and takes the oldest away. The only writer of the table. */
export class RecordWriter {
  readonly #db: Database
  readonly #queue: CommitQueue
  readonly #statements: ReturnType<typeof prepare>
  readonly #open = new OpenRecords()
  readonly #removed: RemovedRecords
  /** Chains that a record rests on; such a chain stays where it is. */
  #kept = new WeakSet<DelegationChain>()
  /** Given inside the transaction, so a failed one leaves no gap behind. */
  #sequence: number

  constructor(db: Database, queue: CommitQueue) {
    this.#db = db
    this.#queue = queue
    this.#statements = prepare(db.sqlite)
    this.#removed = new RemovedRecords(db)
    this.#sequence = this.#readHighest()
  }

  async append(event: NewAuditEvent): Promise<void> {
    const { chain } = event
    const { podUid } = event.caller
    const share = shareOf({ chain, podUid })
    const values = toDecisionValues(event)
    const write = (): void => this.#append(event, values)
    await this.#queue.commit(write, 'now', share).catch((error) => this.#resync(error))
  }

  /** Inside a transaction. */
  #append(event: NewAuditEvent, values = toDecisionValues(event)): void {
    const { chain } = event
    const { podUid } = event.caller
    const sequence = this.#sequence + 1
    if (!this.#kept.has(chain)) this.#statements.keepChain({ podUid, chain })
    this.#statements.append.run(sequence, ...values)
    this.#sequence = sequence
    this.#kept.add(chain)
    if (hasOutcome(event)) this.#open.add(event.id, { sequence, podUid })
  }

  /** As `CommitAccess`. */
  async commitAccess<Result>(work: (log: AccessLog) => Result): Promise<Result> {
    let ended: { readonly result: Result } | { readonly error: unknown } | undefined
    const log: AccessLog = {
      append: (event) => this.#append(event),
      note: (podUid, decisionId, change) => this.#noteAccess(podUid, decisionId, change),
    }
    const nested = this.#db.sqlite.transaction(() => work(log))
    const write = (): void => {
      const sequence = this.#sequence
      try {
        ended = { result: nested() }
      } catch (error) {
        // Thrown below: what shares the transaction is committed all the same.
        ended = { error }
        this.#sequence = sequence
        this.#forget()
      }
    }
    await this.#queue.commit(write).catch((error) => this.#resync(error))
    assert(ended !== undefined, 'what was committed has run')
    if ('error' in ended) throw Fault.from(ended.error)
    return ended.result
  }

  /** Inside a transaction. */
  #noteAccess(podUid: string, decisionId: string, change: AccessChange): void {
    const place = this.#find(podUid, decisionId)
    if (place === undefined) {
      throw new Fault(
        'not_found',
        'The decision that held the request is not on record any more; have the request sent again',
      )
    }
    this.#addLater(place.sequence, KINDS.access, accessChangeBytes(decisionId, change))
  }

  /** The first outcome of a decision stays. */
  complete(podUid: string, decisionId: string, outcome: Outcome): Promise<void> {
    const bytes = outcomeBytes(decisionId, outcome)
    const write = (): void => {
      const place = this.#find(podUid, decisionId)
      if (place === undefined || place.hasOutcome) return
      this.#addLater(place.sequence, KINDS.outcome, bytes)
      this.#open.close(decisionId)
    }
    return this.#commitLater(podUid, write, 'soon')
  }

  /** Of how many refusals a record stands for, the newest counts. */
  sum(podUid: string, decisionId: string, summary: RefusalSummary): Promise<void> {
    const bytes = refusalsBytes(decisionId, summary)
    const write = (): void => {
      const place = this.#find(podUid, decisionId)
      if (place !== undefined) this.#addLater(place.sequence, KINDS.refusals, bytes)
    }
    return this.#commitLater(podUid, write, 'now')
  }

  #commitLater(podUid: string, write: () => void, when: 'now' | 'soon'): Promise<void> {
    return this.#queue
      .commit(write, when, { root: podUid, pod: podUid })
      .catch((error) => this.#resync(error))
  }

  /** A decision of the pod's own; undefined when the pod has none such. */
  #find(podUid: string, id: string): { sequence: number; hasOutcome: boolean } | undefined {
    const open = this.#open.find(id)
    if (open !== undefined) {
      return open.podUid === podUid ? { sequence: open.sequence, hasOutcome: false } : undefined
    }
    const row = this.#statements.find.get(id)
    if (row === undefined || row.pod_uid !== podUid) return undefined
    if (row.sequence <= this.#removed.until()) return undefined
    return { sequence: row.sequence, hasOutcome: row.has_outcome === 1 }
  }

  #addLater(about: number, kind: number, bytes: Uint8Array): void {
    this.#statements.later.run(this.#sequence + 1, about, kind, asBuffer(bytes))
    this.#sequence += 1
  }

  /**
   * Puts on record that somebody brought a session, and does what else belongs to it in the same transaction; `also`
   * gets the place in the log, and says whether the session is kept at all. Resolves with what it said, once what was
   * kept is on disk. Throws `audit_unavailable`.
   */
  async appendImport(
    imported: SessionImport,
    also: (sequence: number) => boolean,
  ): Promise<boolean> {
    const { id, atMs } = imported
    const bytes = asBuffer(importBytes(imported))
    let isKept = false
    const write = (): void => {
      const sequence = this.#sequence + 1
      isKept = also(sequence)
      if (!isKept) return
      this.#statements.keepImport.run(sequence, KINDS.imported, id, atMs, bytes)
      this.#sequence = sequence
    }
    await this.#queue.commit(write).catch((error) => this.#resync(error))
    return isKept
  }

  async removeOldest(request: RemovalRequest): Promise<Removal | undefined> {
    let removal: Removal | undefined
    await this.#queue
      .commit(() => {
        removal = this.#remove(request)
      }, 'unsynced')
      .catch((error) => this.#resync(error))
    return removal
  }

  /** Inside a transaction. */
  #remove(request: RemovalRequest): Removal | undefined {
    const removal = this.#removed.next(request)
    if (removal === undefined) return undefined
    this.#open.clear()
    const bytes = Buffer.from(removalBytes(removal))
    this.#statements.keepRemoval.run(
      ...[this.#sequence + 1, KINDS.removal, bytes, removal.lastSequence],
    )
    this.#sequence += 1
    return removal
  }

  newest(): number {
    return this.#sequence
  }

  async sweep(limit: number): Promise<number> {
    let swept = 0
    await this.#queue
      .commit(() => {
        swept = this.#removed.sweep(limit)
        // Chains that no record rests on any more may go.
        if (swept > 0) this.#kept = new WeakSet()
      }, 'unsynced')
      .catch((error) => this.#resync(error))
    return swept
  }

  /** After a failed transaction the sequence goes back to what is on disk. */
  #resync(error: unknown): never {
    this.#forget()
    try {
      if (!this.#db.sqlite.inTransaction) this.#sequence = this.#readHighest()
    } catch {
      // Nothing can be read either: the sequence stays ahead, which leaves a gap and never a clash.
    }
    throw Fault.from(error)
  }

  /** What is remembered of the table may no longer be there. */
  #forget(): void {
    this.#open.clear()
    this.#kept = new WeakSet()
    this.#removed.forget()
  }

  #readHighest(): number {
    const row = this.#statements.highest.get()
    assert(row !== undefined, 'an aggregate without groups gives one row')
    return row.sequence
  }
}

/** Whether one is to come: for what reaches the API server. */
function hasOutcome({ effect, observed, sentAhead }: NewAuditEvent): boolean {
  return effect === 'allow' || observed || sentAhead === true
}

function prepare(sqlite: Database['sqlite']) {
  const columns = ['sequence', ...DECISION_COLUMNS]
  const places = columns.map(() => '?').join(', ')
  return {
    highest: sqlite.prepare<[], { sequence: number }>(HIGHEST_SQL),
    keepChain: prepareKeepChain(sqlite),
    append: sqlite.prepare<unknown[]>(
      `insert into record (${columns.join(', ')}) values (${places})`,
    ),
    find: sqlite.prepare<[string], FoundDecision>(FIND_SQL),
    later: sqlite.prepare<unknown[]>(
      'insert into record (sequence, about, kind, bytes) values (?, ?, ?, ?)',
    ),
    keepImport: sqlite.prepare<unknown[]>(
      'insert into record (sequence, kind, id, decided_at_ms, bytes) values (?, ?, ?, ?, ?)',
    ),
    keepRemoval: sqlite.prepare<unknown[]>(
      'insert into record (sequence, kind, bytes, removed_until) values (?, ?, ?, ?)',
    ),
  }
}
