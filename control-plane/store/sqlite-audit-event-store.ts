import { assert } from '../../core/assert.ts'
import type { AuditEvent, Outcome } from '../../core/audit/audit-event.ts'
import type { DelegationChain } from '../../core/chain.ts'
import { Fault } from '../../core/fault.ts'
import type { UserInfo } from '../../core/kubernetes/user-info.ts'
import type {
  AuditEventFilter,
  AuditEventPage,
  AuditEventStore,
  NewAuditEvent,
} from './audit-event-store.ts'
import type { CommitQueue } from './commit-queue.ts'
import type { Database } from './database.ts'
import type { DecisionRow } from './database-schema.ts'

type StoredRow = DecisionRow & { readonly chain: string | null }
type NewRow = Omit<DecisionRow, 'http_status' | 'fault' | 'response_bytes' | 'completed_at_ms'>

/** Two selects of one aggregate each: only such a one is read from the end of its index. */
const HIGHEST_SQL =
  'select coalesce((select max(sequence) from decision), 0) as sequence, coalesce((select max(revision) from decision), 0) as revision'

const ALLOW = 1
const DENY = 0

/** The decisions in SQLite. Each row refers to its pod's binding for the chain. */
export function createSqliteAuditEventStore(db: Database, queue: CommitQueue): AuditEventStore {
  const { kysely, sqlite } = db
  const insert = sqlite.prepare<unknown[]>(insertSql(db))
  const update = sqlite.prepare<unknown[]>(
    'update decision set revision = ?, http_status = ?, fault = ?, response_bytes = ?, completed_at_ms = ? where id = ? and pod_uid = ? and completed_at_ms is null',
  )
  const highest = sqlite.prepare<[], { sequence: number; revision: number }>(HIGHEST_SQL).get()
  assert(highest !== undefined, 'an aggregate without groups gives one row')
  // Numbers are given inside the transaction, so a failed one leaves no gap behind.
  let { sequence, revision } = highest

  function append(event: NewAuditEvent): Promise<void> {
    return queue
      .commit(() => {
        insert.run(...toValues(event, sequence + 1, revision + 1))
        sequence += 1
        revision += 1
      })
      .catch(resync)
  }

  function complete(podUid: string, decisionId: string, outcome: Outcome): Promise<void> {
    const { httpStatus, fault, responseBytes, completedAtMs } = outcome
    return queue
      .commit(() => {
        const { changes } = update.run(
          revision + 1,
          httpStatus,
          fault,
          responseBytes,
          completedAtMs,
          decisionId,
          podUid,
        )
        revision += changes
      }, 'soon')
      .catch(resync)
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
    'decision.effect':
      filter.effect === undefined ? undefined : filter.effect === 'allow' ? ALLOW : DENY,
  } as const
  let query = kysely
    .selectFrom('decision')
    .leftJoin('pod_binding', 'pod_binding.pod_uid', 'decision.pod_uid')
    .selectAll('decision')
    .select('pod_binding.chain')
  for (const [column, value] of Object.entries(equal)) {
    if (value !== undefined) query = query.where(column as keyof typeof equal, '=', value)
  }
  return query
}

/** The columns in the order of `toValues`. */
const COLUMNS = [
  'sequence',
  'revision',
  'id',
  'decided_at_ms',
  'pod_uid',
  'namespace',
  'pod',
  'container',
  'root_requester',
  'verb',
  'also_verbs',
  'resource_request',
  'api_group',
  'api_version',
  'resource',
  'subresource',
  'target_namespace',
  'target_name',
  'path',
  'effect',
  'reason',
  'refused_by',
  'rule',
  'observed',
  'user_agent',
  'message',
  'impersonated_user',
] as const satisfies readonly (keyof NewRow)[]

function insertSql(db: Database): string {
  const row = Object.fromEntries(COLUMNS.map((column) => [column, 0])) as unknown as DecisionRow
  return db.kysely.insertInto('decision').values(row).compile().sql
}

function toValues(event: NewAuditEvent, sequence: number, revision: number): readonly unknown[] {
  const { attributes, caller } = event
  return [
    sequence,
    revision,
    event.id,
    event.decidedAtMs,
    caller.podUid,
    caller.namespace,
    caller.name,
    event.container,
    event.chain.rootRequester.username,
    attributes.verb,
    attributes.alsoVerbs.join(','),
    attributes.resourceRequest ? 1 : 0,
    attributes.apiGroup,
    attributes.apiVersion,
    attributes.resource,
    attributes.subresource,
    attributes.namespace,
    attributes.name,
    attributes.path,
    event.effect === 'allow' ? ALLOW : DENY,
    event.reason,
    event.refusedBy,
    event.rule,
    event.observed ? 1 : 0,
    event.userAgent,
    event.message,
    event.impersonatedUser === undefined ? '' : JSON.stringify(event.impersonatedUser),
  ]
}

function fromRow(row: StoredRow): AuditEvent {
  assert(row.chain !== null, 'a decision is made for a pod that is bound')
  const chain = JSON.parse(row.chain) as DelegationChain
  const caller = chain.actors.at(-1)
  assert(caller !== undefined, 'a bound chain ends with its pod')
  const outcome =
    row.completed_at_ms === null
      ? {}
      : {
          outcome: {
            httpStatus: row.http_status ?? 0,
            fault: row.fault ?? '',
            responseBytes: row.response_bytes ?? 0,
            completedAtMs: row.completed_at_ms,
          },
        }
  return {
    id: row.id,
    sequence: row.sequence,
    revision: row.revision,
    decidedAtMs: row.decided_at_ms,
    caller,
    container: row.container,
    chain,
    attributes: {
      verb: row.verb,
      resourceRequest: row.resource_request === 1,
      apiGroup: row.api_group,
      apiVersion: row.api_version,
      resource: row.resource,
      subresource: row.subresource,
      namespace: row.target_namespace,
      name: row.target_name,
      path: row.path,
      alsoVerbs: row.also_verbs === '' ? [] : row.also_verbs.split(','),
    },
    effect: row.effect === ALLOW ? 'allow' : 'deny',
    reason: row.reason,
    refusedBy: row.refused_by,
    rule: row.rule,
    observed: row.observed === 1,
    userAgent: row.user_agent,
    message: row.message,
    ...(row.impersonated_user === ''
      ? {}
      : { impersonatedUser: JSON.parse(row.impersonated_user) as UserInfo }),
    ...outcome,
  }
}
