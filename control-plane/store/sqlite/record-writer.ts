import { createHash } from 'node:crypto'
import { assert } from '../../../core/assert.ts'
import type { Outcome, RefusalSummary } from '../../../core/audit/audit-event.ts'
import type { Removal } from '../../../core/audit/removal.ts'
import { Fault } from '../../../core/fault.ts'
import { shareOf } from '../../fairness/fair-turns.ts'
import type { NewAuditEvent, RemovalRequest } from '../audit-event-store.ts'
import { outcomeBytes, refusalsBytes, removalBytes } from '../record-bytes.ts'
import type { CommitQueue } from './commit-queue.ts'
import type { Database } from './database.ts'
import { prepareKeepChain } from './keep-chain.ts'
import { DECISION_COLUMNS, KINDS, toDecisionValues } from './record-row.ts'

const HIGHEST_SQL = 'select coalesce(max(sequence), 0) as sequence from record'

/** The first outcome of a decision stays; of how many refusals a record stands for, the newest counts. */
const LATER_SQL = `insert into record (sequence, about, kind, bytes)
  select @sequence, decision.sequence, @kind, @bytes from record as decision
  join chain on chain.digest = decision.chain_digest
  where decision.id = @id and chain.pod_uid = @podUid
  and (@kind <> ${KINDS.outcome} or not exists (
    select 1 from record as earlier where earlier.about = decision.sequence and earlier.kind = @kind))`

const OLDEST_SQL = `select sequence, id, decided_at_ms from record
  where kind = ${KINDS.decision} and sequence > ? order by sequence limit ?`

interface OldestRow {
  readonly sequence: number
  readonly id: string
  readonly decided_at_ms: number
}

/** Puts records at the end of the log, and takes the oldest away. The only writer of the table. */
export class RecordWriter {
  readonly #db: Database
  readonly #queue: CommitQueue
  readonly #statements: ReturnType<typeof prepare>
  /** Given inside the transaction, so a failed one leaves no gap behind. */
  #sequence: number

  constructor(db: Database, queue: CommitQueue) {
    this.#db = db
    this.#queue = queue
    this.#statements = prepare(db.sqlite)
    this.#sequence = this.#readHighest()
  }

  async append(event: NewAuditEvent): Promise<void> {
    const share = shareOf({ chain: event.chain, podUid: event.caller.podUid })
    const { podUid } = event.caller
    const values = toDecisionValues(event)
    const write = (): void => {
      this.#statements.keepChain({ podUid, chain: event.chain })
      this.#statements.append.run(this.#sequence + 1, ...values)
      this.#sequence += 1
    }
    await this.#queue.commit(write, 'now', share).catch((error) => this.#resync(error))
  }

  complete(podUid: string, decisionId: string, outcome: Outcome): Promise<void> {
    const bytes = outcomeBytes(decisionId, outcome)
    return this.#addLater(podUid, decisionId, KINDS.outcome, bytes, 'soon')
  }

  sum(podUid: string, decisionId: string, summary: RefusalSummary): Promise<void> {
    const bytes = refusalsBytes(decisionId, summary)
    return this.#addLater(podUid, decisionId, KINDS.refusals, bytes, 'now')
  }

  /** About a decision of the pod's own; about no decision, if it has none such. */
  #addLater(
    podUid: string,
    decisionId: string,
    kind: number,
    bytes: Uint8Array,
    when: 'now' | 'soon',
  ): Promise<void> {
    const values = { podUid, id: decisionId, kind, bytes: Buffer.from(bytes) }
    const write = (): void => {
      const sequence = this.#sequence + 1
      this.#sequence += this.#statements.later.run({ ...values, sequence }).changes
    }
    return this.#queue
      .commit(write, when, { root: podUid, pod: podUid })
      .catch((error) => this.#resync(error))
  }

  async removeOldest(request: RemovalRequest): Promise<Removal | undefined> {
    let removal: Removal | undefined
    await this.#queue
      .commit(() => {
        removal = this.#remove(request)
      })
      .catch((error) => this.#resync(error))
    return removal
  }

  /** Inside a transaction. Decisions go from the oldest on until one may not. */
  #remove({ decidedBeforeMs, limit, reason, nowMs }: RemovalRequest): Removal | undefined {
    const { oldest, records, removeRecords, keepRemoval } = this.#statements
    const candidates = oldest.all(this.#removedUntil(), limit)
    const kept = candidates.findIndex((row) => row.decided_at_ms >= decidedBeforeMs)
    const going = kept === -1 ? candidates : candidates.slice(0, kept)
    const [first, last] = [going[0], going.at(-1)]
    if (first === undefined || last === undefined) return undefined
    const range = [first.sequence, last.sequence] as const
    const hash = createHash('sha256')
    let count = 0
    for (const { bytes } of records.iterate(...range, ...range)) {
      hash.update(bytes)
      count += 1
    }
    const removal: Removal = {
      ...{ removedAtMs: nowMs, reason, decisions: going.length, records: count },
      ...{ firstSequence: first.sequence, lastSequence: last.sequence },
      ...{ firstId: first.id, lastId: last.id },
      ...{ firstDecidedAtMs: first.decided_at_ms, lastDecidedAtMs: last.decided_at_ms },
      sha256: hash.digest('hex'),
    }
    removeRecords.run(...range, ...range)
    const bytes = Buffer.from(removalBytes(removal))
    keepRemoval.run(this.#sequence + 1, KINDS.removal, bytes, last.sequence)
    this.#sequence += 1
    return removal
  }

  /** After a failed transaction the sequence goes back to what is on disk. */
  #resync(error: unknown): never {
    try {
      if (!this.#db.sqlite.inTransaction) this.#sequence = this.#readHighest()
    } catch {
      // Nothing can be read either: the sequence stays ahead, which leaves a gap and never a clash.
    }
    throw Fault.from(error)
  }

  #removedUntil(): number {
    return this.#statements.removedUntil.get() ?? 0
  }

  #readHighest(): number {
    const row = this.#statements.highest.get()
    assert(row !== undefined, 'an aggregate without groups gives one row')
    return row.sequence
  }
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
    later: sqlite.prepare<unknown[]>(LATER_SQL),
    removedUntil: sqlite
      .prepare<[], number>(`select max(removed_until) from record where kind = ${KINDS.removal}`)
      .pluck(),
    oldest: sqlite.prepare<[number, number], OldestRow>(OLDEST_SQL),
    records: sqlite.prepare<[number, number, number, number], { bytes: Buffer }>(
      `select sequence, bytes from record where kind = ${KINDS.decision} and sequence between ? and ?
       union all select sequence, bytes from record where about between ? and ? order by sequence`,
    ),
    removeRecords: sqlite.prepare<[number, number, number, number]>(
      `delete from record where (kind = ${KINDS.decision} and sequence between ? and ?) or about between ? and ?`,
    ),
    keepRemoval: sqlite.prepare<unknown[]>(
      'insert into record (sequence, kind, bytes, removed_until) values (?, ?, ?, ?)',
    ),
  }
}
