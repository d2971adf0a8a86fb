import { sql } from 'kysely'
import type { AuditEvent } from '../../../core/audit/audit-event.ts'
import type { Removal } from '../../../core/audit/removal.ts'
import type { DelegationChain } from '../../../core/chain.ts'
import { Fault } from '../../../core/fault.ts'
import { parseCanonicalChain } from '../../../proto/canonical-chain.ts'
import type { AuditEventFilter, AuditEventPage, Stretch } from '../audit-event-store.ts'
import { parseRecord, toRemoval } from '../record-bytes.ts'
import type { Database } from './database.ts'
import {
  checked,
  type DecisionRow,
  EFFECTS,
  KINDS,
  type LaterRow,
  toAuditEvent,
} from './record-row.ts'

/** Chains that are remembered in the form of objects: those of the pods of many pages of records. */
const CHAINS_MAX = 1_000

const IS_DECISION = sql<boolean>`decision.kind = ${sql.lit(KINDS.decision)}`
const IS_REMOVAL = sql<boolean>`kind = ${sql.lit(KINDS.removal)}`
/** Reads the log. What is damaged is never left out in silence: it makes its page `audit_unavailable`. */
export class RecordReader {
  readonly #db: Database
  readonly #chains = new Map<string, DelegationChain>()

  constructor(db: Database) {
    this.#db = db
  }

  async get(id: string): Promise<AuditEvent | undefined> {
    const bounds = await this.#readBounds()
    const rows = await reading(() =>
      this.#select({}).where('decision.id', '=', id).where(isKept(bounds)).execute(),
    )
    const [event] = await this.#toEvents(rows)
    return event
  }

  async list(filter: AuditEventFilter, stretch: Stretch): Promise<AuditEventPage> {
    const { afterSequence, untilSequence = Number.MAX_SAFE_INTEGER, limit } = stretch
    // First: what is committed between the two reads must not count as read.
    const bounds = await this.#readBounds()
    const rows = await reading(() =>
      this.#select(filter)
        .where('decision.sequence', '>', Math.max(afterSequence, bounds.removedUntil))
        .where('decision.sequence', '<=', untilSequence)
        .orderBy('decision.sequence')
        .limit(limit)
        .execute(),
    )
    return { events: await this.#toEvents(rows), ...bounds }
  }

  async changes(filter: AuditEventFilter, stretch: Stretch): Promise<AuditEventPage> {
    const { afterSequence, untilSequence = Number.MAX_SAFE_INTEGER, limit } = stretch
    const bounds = await this.#readBounds()
    const rows = await reading(() =>
      this.#select(filter)
        .innerJoin('record as newest', (join) =>
          join.on(sql`decision.sequence`, '=', sql`coalesce(newest.about, newest.sequence)`),
        )
        .where('newest.sequence', '>', afterSequence)
        .where(isKept(bounds))
        .where('newest.sequence', '<=', untilSequence)
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('record as newer')
                .select('newer.sequence')
                .whereRef('newer.about', '=', 'decision.sequence')
                .whereRef('newer.sequence', '>', 'newest.sequence'),
            ),
          ),
        )
        .orderBy('newest.sequence')
        .limit(limit)
        .execute(),
    )
    return { events: await this.#toEvents(rows), ...bounds }
  }

  async removals(limit: number): Promise<readonly Removal[]> {
    const rows = await reading(() =>
      this.#db.kysely
        .selectFrom('record')
        .select(['sequence', 'bytes'])
        .where(IS_REMOVAL)
        .orderBy('sequence', 'desc')
        .limit(limit)
        .execute(),
    )
    return rows.map(({ sequence, bytes }) =>
      checked(sequence, () => {
        const record = parseRecord(bytes)
        if (record.case === 'removal') return toRemoval(record.value)
        throw new Fault('request_invalid', 'It is no removal')
      }),
    )
  }

  async #readBounds(): Promise<Pick<AuditEventPage, 'sequence' | 'removedUntil'>> {
    const { kysely } = this.#db
    return reading(async () => {
      // Two selects of one aggregate each: only such a one is read from the end of its index.
      const newest = kysely.selectFrom('record').select((on) => on.fn.max('sequence').as('value'))
      const removed = kysely
        .selectFrom('record')
        .select((on) => on.fn.max('removed_until').as('value'))
        .where(IS_REMOVAL)
      const [sequence, removedUntil] = await Promise.all([
        newest.executeTakeFirst(),
        removed.executeTakeFirst(),
      ])
      return { sequence: sequence?.value ?? 0, removedUntil: removedUntil?.value ?? 0 }
    })
  }

  #select(filter: AuditEventFilter) {
    const equal = {
      'decision.namespace': filter.namespace,
      'decision.pod': filter.pod,
      'decision.root_requester': filter.rootRequester,
      'decision.verb': filter.verb,
      'decision.resource': filter.resource,
      'decision.effect': filter.effect === undefined ? undefined : EFFECTS[filter.effect],
    } as const
    let query = this.#db.kysely
      .selectFrom('record as decision')
      .leftJoin('chain', 'chain.digest', 'decision.chain_digest')
      .selectAll('decision')
      .select('chain.bytes as chain_bytes')
      .where(IS_DECISION)
    for (const [column, value] of Object.entries(equal)) {
      if (value !== undefined) query = query.where(column as keyof typeof equal, '=', value)
    }
    return query
  }

  async #toEvents(rows: readonly StoredDecision[]): Promise<readonly AuditEvent[]> {
    const sequences = rows.map(({ sequence }) => sequence)
    const later = await reading(() => this.#readLater(sequences))
    return rows.map((row) => {
      const chain = checked(row.sequence, () => this.#chainOf(row))
      return toAuditEvent(row, later.get(row.sequence) ?? [], chain)
    })
  }

  async #readLater(sequences: readonly number[]): Promise<Map<number | null, LaterRow[]>> {
    if (sequences.length === 0) return new Map()
    const rows = await this.#db.kysely
      .selectFrom('record')
      .select(['sequence', 'about', 'bytes'])
      .where('about', 'in', sequences)
      .orderBy('sequence')
      .execute()
    return Map.groupBy(rows, ({ about }) => about)
  }

  #chainOf({ chain_digest: digest, chain_bytes: bytes }: StoredDecision): DelegationChain {
    if (digest === null || bytes === null) throw new Fault('request_invalid', 'Its chain is gone')
    const key = digest.toString('base64')
    const known = this.#chains.get(key)
    if (known !== undefined) return known
    const chain = parseCanonicalChain(bytes, digest)
    const [oldest] = this.#chains.keys()
    if (oldest !== undefined && this.#chains.size >= CHAINS_MAX) this.#chains.delete(oldest)
    this.#chains.set(key, chain)
    return chain
  }
}

/**
 * What was removed may still be there, until it is swept. The sign keeps SQLite from walking the table from there
 * on, where another condition finds the rows.
 */
function isKept({ removedUntil }: Pick<AuditEventPage, 'removedUntil'>) {
  return sql<boolean>`+decision.sequence > ${removedUntil}`
}

type StoredDecision = DecisionRow & { readonly chain_bytes: Buffer | null }

async function reading<Value>(read: () => Promise<Value>): Promise<Value> {
  try {
    return await read()
  } catch (error) {
    throw new Fault('audit_unavailable', 'Cannot read the audit', { cause: error })
  }
}
