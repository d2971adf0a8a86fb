import { createHash } from 'node:crypto'
import type { Removal } from '../../../core/audit/removal.ts'
import type { RemovalRequest } from '../audit-event-store.ts'
import type { Database } from './database.ts'
import { KINDS } from './record-row.ts'

interface OldestRow {
  readonly sequence: number
  readonly kind: number
  readonly id: string
  readonly decided_at_ms: number
}

/**
 * Decisions go in two steps. Their removal is put on record first, and from then on nobody reads them; their rows
 * go afterwards, a few at a time, since a row costs a change of each index.
 */
export class RemovedRecords {
  readonly #statements: ReturnType<typeof prepare>
  /** No decision is left up to this sequence. After a start it is not known how far that is. */
  #sweptUntil = 0

  constructor(db: Database) {
    this.#statements = prepare(db.sqlite)
  }

  /** Sequence of the last decision that was removed; 0 when none was. */
  until(): number {
    return this.#statements.removedUntil.get() ?? 0
  }

  /** Inside a transaction: what a removal takes, with the recordings of it. Decisions go from the oldest on until one may not. */
  next({ decidedBeforeMs, limit, reason, nowMs }: RemovalRequest): Removal | undefined {
    const candidates = this.#statements.oldest.all(this.until(), limit)
    const kept = candidates.findIndex((row) => row.decided_at_ms >= decidedBeforeMs)
    const going = kept === -1 ? candidates : candidates.slice(0, kept)
    const [first, last] = [going[0], going.at(-1)]
    if (first === undefined || last === undefined) return undefined
    const range = [first.sequence, last.sequence] as const
    const hash = createHash('sha256')
    let count = 0
    for (const { bytes } of this.#statements.records.iterate(...range, ...range)) {
      hash.update(bytes)
      count += 1
    }
    for (const digest of this.#statements.segments.iterate(last.sequence)) hash.update(digest)
    const recordings = this.#removeRecordings(last.sequence, nowMs)
    return {
      ...(recordings === 0 ? {} : { recordings }),
      ...{ removedAtMs: nowMs, reason, decisions: countDecisions(going), records: count },
      ...{ firstSequence: first.sequence, lastSequence: last.sequence },
      ...{ firstId: first.id, lastId: last.id },
      ...{ firstDecidedAtMs: first.decided_at_ms, lastDecidedAtMs: last.decided_at_ms },
      sha256: hash.digest('hex'),
    }
  }

  /** Nobody reads them from now on; their files are swept, and then their rows. Returns how many people could read. */
  #removeRecordings(until: number, nowMs: number): number {
    const { readable, markRecordings } = this.#statements
    const count = readable.get(until) ?? 0
    markRecordings.run(nowMs, until)
    return count
  }

  /** Inside a transaction: takes the rows of at most `limit` removed decisions away. Returns how many. */
  sweep(limit: number): number {
    const { removed, remove } = this.#statements
    const going = removed.all(this.#sweptUntil, this.until(), limit)
    const [first, last] = [going[0], going.at(-1)]
    if (first === undefined || last === undefined) return 0
    remove.run(first, last, first, last)
    this.#sweptUntil = last
    return going.length
  }

  /** After a failed transaction what it swept is there again. */
  forget(): void {
    this.#sweptUntil = 0
  }
}

function countDecisions(rows: readonly OldestRow[]): number {
  return rows.filter(({ kind }) => kind === KINDS.decision).length
}

function prepare(sqlite: Database['sqlite']) {
  // A session that somebody brought goes as a decision of its time does.
  const decision = `kind in (${KINDS.decision}, ${KINDS.imported})`
  const older = 'decision_sequence <= ? and removed_at_ms is null'
  return {
    removedUntil: sqlite
      .prepare<[], number>(`select max(removed_until) from record where kind = ${KINDS.removal}`)
      .pluck(),
    oldest: sqlite.prepare<[number, number], OldestRow>(
      `select sequence, kind, id, decided_at_ms from record
       where ${decision} and sequence > ? order by sequence limit ?`,
    ),
    records: sqlite.prepare<[number, number, number, number], { bytes: Buffer }>(
      `select sequence, bytes from record where ${decision} and sequence between ? and ?
       union all select sequence, bytes from record where about between ? and ? order by sequence`,
    ),
    segments: sqlite
      .prepare<[number], Buffer>(
        `select segment.sha256 from recording join recording_segment as segment using (id)
         where ${older} order by decision_sequence, segment.number`,
      )
      .pluck(),
    readable: sqlite
      .prepare<[number], number>(
        `select count(*) from recording where ${older} and deleted_at_ms is null`,
      )
      .pluck(),
    markRecordings: sqlite.prepare<[number, number]>(
      `update recording set removed_at_ms = ? where ${older}`,
    ),
    removed: sqlite
      .prepare<[number, number, number], number>(
        `select sequence from record where ${decision} and sequence > ? and sequence <= ?
         order by sequence limit ?`,
      )
      .pluck(),
    remove: sqlite.prepare<[number, number, number, number]>(
      `delete from record where (${decision} and sequence between ? and ?) or about between ? and ?`,
    ),
  }
}
