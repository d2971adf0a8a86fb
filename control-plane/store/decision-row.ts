import { assert } from '../../core/assert.ts'
import type { AuditEvent } from '../../core/audit/audit-event.ts'
import type { DelegationChain } from '../../core/chain.ts'
import type { UserInfo } from '../../core/kubernetes/user-info.ts'
import type { NewAuditEvent } from './audit-event-store.ts'
import type { Database } from './database.ts'
import type { DecisionRow } from './database-schema.ts'

type StoredRow = DecisionRow & { readonly chain: string | null }
type NewRow = Omit<DecisionRow, 'http_status' | 'fault' | 'response_bytes' | 'completed_at_ms'>

/** How an effect is stored. */
export const ALLOW = 1
export const DENY = 0

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
  'refusals',
  'last_at_ms',
  'samples',
  'growth',
] as const satisfies readonly (keyof NewRow)[]

/** The statement that takes `toValues`. */
export function insertSql(db: Database): string {
  const row = Object.fromEntries(COLUMNS.map((column) => [column, 0])) as unknown as DecisionRow
  return db.kysely.insertInto('decision').values(row).compile().sql
}

/** A new decision as the values of its row. */
export function toValues(
  event: NewAuditEvent,
  sequence: number,
  revision: number,
): readonly unknown[] {
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
    event.summary?.count ?? null,
    event.summary?.lastAtMs ?? null,
    event.summary === undefined ? null : JSON.stringify(event.summary.samples),
    event.growth ?? 0,
  ]
}

function summaryOf(row: StoredRow): Pick<AuditEvent, 'summary'> {
  if (row.refusals === null) return {}
  const samples = JSON.parse(row.samples ?? '[]') as readonly string[]
  const lastAtMs = row.last_at_ms ?? row.decided_at_ms
  return { summary: { count: row.refusals, lastAtMs, samples } }
}

/** The decision of a row; its chain is that of the pod's binding. */
export function fromRow(row: StoredRow): AuditEvent {
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
    ...summaryOf(row),
    ...outcome,
  }
}
