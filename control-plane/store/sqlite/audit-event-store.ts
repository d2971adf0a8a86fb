import { assert } from '../../../core/assert.ts'
import type { Outcome, RefusalSummary } from '../../../core/audit/audit-event.ts'
import { Fault } from '../../../core/fault.ts'
import { shareOf } from '../../fairness/fair-turns.ts'
import type {
  AuditEventFilter,
  AuditEventPage,
  AuditEventStore,
  NewAuditEvent,
} from '../audit-event-store.ts'
import type { CommitQueue } from './commit-queue.ts'
import type { Database } from './database.ts'
import { EFFECTS, fromRow, insertSql, toValues } from './decision-row.ts'

/** Two selects of one aggregate each: only such a one is read from the end of its index. */
const HIGHEST_SQL =
  'select coalesce((select max(sequence) from decision), 0) as sequence, coalesce((select max(revision) from decision), 0) as revision'

/** The decisions in SQLite. Each row refers to its pod's binding for the chain. */
export function createSqliteAuditEventStore(db: Database, queue: CommitQueue): AuditEventStore {
  const { kysely, sqlite } = db
  const insert = sqlite.prepare<unknown[]>(insertSql(db))
  const update = sqlite.prepare<unknown[]>(
    'update decision set revision = ?, http_status = ?, fault = ?, response_bytes = ?, completed_at_ms = ? where id = ? and pod_uid = ? and completed_at_ms is null',
  )
  const count = sqlite.prepare<unknown[]>(
    'update decision set revision = ?, refusals = ?, last_at_ms = ?, samples = ? where id = ? and pod_uid = ?',
  )
  const highest = sqlite.prepare<[], { sequence: number; revision: number }>(HIGHEST_SQL).get()
  assert(highest !== undefined, 'an aggregate without groups gives one row')
  // Numbers are given inside the transaction, so a failed one leaves no gap behind.
  let { sequence, revision } = highest

  function append(event: NewAuditEvent): Promise<void> {
    const share = shareOf({ chain: event.chain, podUid: event.caller.podUid })
    const write = (): void => {
      insert.run(...toValues(event, sequence + 1, revision + 1))
      sequence += 1
      revision += 1
    }
    return queue.commit(write, 'now', share).catch(resync)
  }

  function complete(podUid: string, decisionId: string, outcome: Outcome): Promise<void> {
    const { httpStatus, fault, responseBytes, completedAtMs } = outcome
    const values = [httpStatus, fault, responseBytes, completedAtMs]
    return revise(update, values, decisionId, podUid, 'soon')
  }

  function sum(podUid: string, decisionId: string, summary: RefusalSummary): Promise<void> {
    const values = [summary.count, summary.lastAtMs, JSON.stringify(summary.samples)]
    return revise(count, values, decisionId, podUid, 'now')
  }

  /** Writes to a record of the pod's own, under the next revision; to no record, if it has none such. */
  function revise(
    statement: typeof update,
    values: readonly unknown[],
    decisionId: string,
    podUid: string,
    when: 'now' | 'soon',
  ): Promise<void> {
    const write = (): void => {
      revision += statement.run(revision + 1, ...values, decisionId, podUid).changes
    }
    return queue.commit(write, when, { root: podUid, pod: podUid }).catch(resync)
  }

  /** After a failed transaction the counters go back to what is on disk. */
  function resync(fault: unknown): never {
    try {
      if (!sqlite.inTransaction)
        ({ sequence, revision } = readHighest(db) ?? { sequence, revision })
    } catch {
      // Nothing can be read either: the counters stay ahead, which leaves a gap and never a clash.
    }
    throw Fault.from(fault)
  }

  async function read(
    filter: AuditEventFilter,
    order: 'sequence' | 'revision',
    after: number,
    until: number | undefined,
    limit: number,
  ): Promise<AuditEventPage> {
    try {
      // First: what is committed between the two reads must not count as read.
      const highest = readHighest(db) ?? { sequence: 0, revision: 0 }
      const later = select(kysely, filter).where(`decision.${order}`, '>', after)
      const bounded = until === undefined ? later : later.where(`decision.${order}`, '<=', until)
      const rows = await bounded.orderBy(`decision.${order}`).limit(limit).execute()
      return { events: rows.map(fromRow), ...highest }
    } catch (error) {
      throw unreadable(error)
    }
  }

  return {
    append,
    complete,
    sum,
    async get(id) {
      try {
        const row = await select(kysely, {}).where('decision.id', '=', id).executeTakeFirst()
        return row === undefined ? undefined : fromRow(row)
      } catch (error) {
        throw unreadable(error)
      }
    },
    list: (filter, page) =>
      read(filter, 'sequence', page.afterSequence, page.untilSequence, page.limit),
    changes: (filter, page) =>
      read(filter, 'revision', page.afterRevision, page.untilRevision, page.limit),
    onCommit: (listener) => queue.onCommit(listener),
  }
}

function unreadable(cause: unknown): Fault {
  return new Fault('audit_unavailable', 'Cannot read the audit', { cause })
}

function readHighest(db: Database): { sequence: number; revision: number } | undefined {
  return db.sqlite.prepare<[], { sequence: number; revision: number }>(HIGHEST_SQL).get()
}

function select(kysely: Database['kysely'], filter: AuditEventFilter) {
  const equal = {
    'decision.namespace': filter.namespace,
    'decision.pod': filter.pod,
    'decision.root_requester': filter.rootRequester,
    'decision.verb': filter.verb,
    'decision.resource': filter.resource,
    'decision.effect': filter.effect === undefined ? undefined : EFFECTS[filter.effect],
  } as const
  let query = kysely
    .selectFrom('decision')
    .leftJoin('pod_binding', 'pod_binding.pod_uid', 'decision.pod_uid')
    // A chain may have grown since: then the one of that time is kept apart.
    .leftJoin('former_chain', (join) =>
      join
        .onRef('former_chain.pod_uid', '=', 'decision.pod_uid')
        .onRef('former_chain.growth', '=', 'decision.growth'),
    )
    .selectAll('decision')
    .select(['pod_binding.cluster_id', 'pod_binding.cluster_name'])
    .select((on) => on.fn.coalesce('former_chain.chain', 'pod_binding.chain').as('chain'))
  for (const [column, value] of Object.entries(equal)) {
    if (value !== undefined) query = query.where(column as keyof typeof equal, '=', value)
  }
  return query
}
