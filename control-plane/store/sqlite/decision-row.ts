import { assert } from '../../../core/assert.ts'
import type { AuditEvent, Effect, RecordedMatches } from '../../../core/audit/audit-event.ts'
import type { DelegationChain } from '../../../core/chain.ts'
import type {
  ExecAttributes,
  PortForwardAttributes,
} from '../../../core/kubernetes/exec-attributes.ts'
import type { UserInfo } from '../../../core/kubernetes/user-info.ts'
import { isFree, NO_OBLIGATIONS, type Obligations } from '../../../core/policy/obligations.ts'
import type { NewAuditEvent } from '../audit-event-store.ts'
import type { Database } from './database.ts'
import type { DecisionRow } from './database-schema.ts'

type StoredRow = DecisionRow & {
  readonly chain: string | null
  readonly cluster_id: string | null
  readonly cluster_name: string | null
}
type NewRow = Omit<DecisionRow, 'http_status' | 'fault' | 'response_bytes' | 'completed_at_ms'>

/** How an effect is stored. */
export const EFFECTS = { deny: 0, allow: 1, hold: 2 } as const satisfies Record<Effect, number>

/** Whatever number is not known denies: it is not one that lets anything through. */
function effectOf(stored: number): Effect {
  if (stored === EFFECTS.allow) return 'allow'
  return stored === EFFECTS.hold ? 'hold' : 'deny'
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
  'refusals',
  'last_at_ms',
  'samples',
  'growth',
  'exec',
  'port_forward',
  'obligations',
  'matches',
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
    EFFECTS[event.effect],
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
    toJson(attributes.exec),
    toJson(attributes.portForward),
    isFree(event.obligations) ? '' : toJson(event.obligations),
    event.matches.length === 0 ? '' : toJson(event.matches),
  ]
}

function toJson(value: object | undefined): string {
  return value === undefined ? '' : JSON.stringify(value)
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
    cluster: { id: row.cluster_id ?? '', name: row.cluster_name ?? '' },
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
      ...(row.exec === '' ? {} : { exec: JSON.parse(row.exec) as ExecAttributes }),
      ...(row.port_forward === ''
        ? {}
        : { portForward: JSON.parse(row.port_forward) as PortForwardAttributes }),
    },
    effect: effectOf(row.effect),
    reason: row.reason,
    refusedBy: row.refused_by,
    rule: row.rule,
    matches: row.matches === '' ? [] : (JSON.parse(row.matches) as readonly RecordedMatches[]),
    obligations:
      row.obligations === '' ? NO_OBLIGATIONS : (JSON.parse(row.obligations) as Obligations),
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
