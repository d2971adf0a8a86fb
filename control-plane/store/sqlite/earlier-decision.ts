import { assert } from '../../../core/assert.ts'
import type { AuditEvent, Outcome, RecordedMatches } from '../../../core/audit/audit-event.ts'
import type { DelegationChain } from '../../../core/chain.ts'
import type {
  ExecAttributes,
  PortForwardAttributes,
} from '../../../core/kubernetes/exec-attributes.ts'
import type { UserInfo } from '../../../core/kubernetes/user-info.ts'
import { NO_OBLIGATIONS } from '../../../core/policy/obligations.ts'
import type { DecisionPart } from '../../../proto/audit-event-message.ts'

/* A decision as files kept it before records were written once. Read by a migration, and never changed. */

/** A row, with the cluster of its pod. Lists and objects are JSON, and empty where there are none. */
export interface EarlierDecision {
  readonly sequence: number
  readonly revision: number
  readonly id: string
  readonly decided_at_ms: number
  readonly pod_uid: string
  readonly namespace: string
  readonly pod: string
  readonly container: string
  readonly root_requester: string
  readonly verb: string
  readonly also_verbs: string
  readonly resource_request: number
  readonly api_group: string
  readonly api_version: string
  readonly resource: string
  readonly subresource: string
  readonly target_namespace: string
  readonly target_name: string
  readonly path: string
  readonly effect: number
  readonly reason: string
  readonly refused_by: string
  readonly rule: string
  readonly observed: number
  readonly user_agent: string
  readonly message: string
  readonly impersonated_user: string
  readonly http_status: number | null
  readonly fault: string | null
  readonly response_bytes: number | null
  readonly completed_at_ms: number | null
  readonly refusals: number | null
  readonly last_at_ms: number | null
  readonly samples: string | null
  readonly growth: number
  readonly exec: string
  readonly port_forward: string
  readonly obligations: string
  readonly matches: string
  readonly cluster_id: string | null
  readonly cluster_name: string | null
}

/** The decision of a row. */
export function toDecisionPart(row: EarlierDecision, chain: DelegationChain): DecisionPart {
  const caller = chain.actors.at(-1)
  assert(caller !== undefined, 'a bound chain ends with its pod')
  const exec = parsed<ExecAttributes>(row.exec)
  const portForward = parsed<PortForwardAttributes>(row.port_forward)
  const impersonatedUser = parsed<UserInfo>(row.impersonated_user)
  return {
    id: row.id,
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
      ...(exec === undefined ? {} : { exec }),
      ...(portForward === undefined ? {} : { portForward }),
    },
    effect: row.effect === 1 ? 'allow' : row.effect === 2 ? 'hold' : 'deny',
    reason: row.reason,
    refusedBy: row.refused_by,
    rule: row.rule,
    matches: parsed<readonly RecordedMatches[]>(row.matches) ?? [],
    // No policy made one then.
    obligations: NO_OBLIGATIONS,
    observed: row.observed === 1,
    userAgent: row.user_agent,
    message: row.message,
    ...(impersonatedUser === undefined ? {} : { impersonatedUser }),
    ...summaryOf(row),
  }
}

function summaryOf(row: EarlierDecision): Pick<AuditEvent, 'summary'> {
  if (row.refusals === null) return {}
  const samples = parsed<readonly string[]>(row.samples ?? '') ?? []
  return {
    summary: { count: row.refusals, lastAtMs: row.last_at_ms ?? row.decided_at_ms, samples },
  }
}

/** What became of the request; undefined while nothing is known. */
export function outcomeOf(row: EarlierDecision): Outcome | undefined {
  if (row.completed_at_ms === null) return undefined
  return {
    httpStatus: row.http_status ?? 0,
    fault: row.fault ?? '',
    responseBytes: row.response_bytes ?? 0,
    completedAtMs: row.completed_at_ms,
  }
}

/** What a decision itself says of its chain. */
export function orphanChain(row: EarlierDecision): DelegationChain {
  const { pod_uid: podUid, namespace, pod: name } = row
  return {
    rootRequester: { username: row.root_requester, uid: '', groups: [], extra: {} },
    coRequesters: [],
    actors: [{ podUid, namespace, name, serviceAccount: '', via: [] }],
  }
}

function parsed<Value>(text: string): Value | undefined {
  return text === '' ? undefined : (JSON.parse(text) as Value)
}
