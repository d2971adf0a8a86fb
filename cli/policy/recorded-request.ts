import type { AuditEventObject, RequesterObject } from '../../api/objects/access-objects.ts'
import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import type { UserInfo } from '../../core/kubernetes/user-info.ts'
import { SIDECAR_CONTAINER } from '../../core/names.ts'
import type { PrincipalFacts } from '../../core/policy/evaluate.ts'
import type { GuardFacts } from '../../core/policy/guards.ts'
import { NOTHING_IN_THE_WAY, type SimulatedRequest } from '../../core/policy/simulate.ts'

/** Reasons that no policy has a say in: the request, or the chain, was refused before policies were asked. */
const NOT_BY_POLICIES = [
  ...['verb_unknown', 'chain_unknown', 'chain_closed', 'chain_expired', 'chain_revoked'],
  ...['requester_gone', 'pod_ended', 'request_invalid', 'undecided', 'access_unknown'],
]

/** Whether other policies could have made another decision. */
export function isByPolicies({ spec }: AuditEventObject): boolean {
  return !NOT_BY_POLICIES.includes(spec.reason)
}

/** How many requests a record stands for. */
export function requestsOf({ spec }: AuditEventObject): number {
  return spec.refusals ?? 1
}

/** What was asked. */
export function recordedAttributes({ spec }: AuditEventObject): RequestAttributes {
  const { verb, alsoVerbs, apiGroup, resource, subresource, namespace, name, path } = spec
  return {
    ...{ verb, alsoVerbs, apiGroup, resource, subresource, namespace, name, path },
    ...{ apiVersion: '', resourceRequest: resource !== '' },
    ...(spec.exec === undefined ? {} : { exec: spec.exec }),
    ...(spec.portForward === undefined ? {} : { portForward: spec.portForward }),
  }
}

/**
 * A recorded request, to be decided again by other policies. Of RBAC is known what the record says: of whom no rule
 * matched when the request passed, and who was refused by RBAC. Labels of namespaces are not on record.
 */
export function toSimulated(event: AuditEventObject): SimulatedRequest {
  const { chain, decidedAt } = event.spec
  const nowMs = Date.parse(decidedAt)
  return {
    attributes: recordedAttributes(event),
    chain: {
      rootRequester: toUserInfo(chain.rootRequester),
      coRequesters: chain.coRequesters.map(toUserInfo),
      actors: chain.actors,
    },
    ...{ nowMs, beganAtMs: nowMs, renewedAtMs: nowMs },
    namespaceLabels: undefined,
    guard: guardOf(event),
    defaultDecision: 'SubjectAccessReview',
    accessOf: (user) => accessOf(event, user),
  }
}

function accessOf({ spec }: AuditEventObject, user: UserInfo): PrincipalFacts['access'] {
  const { username } = user
  if (spec.reason === 'rbac_denies' && spec.refusedBy === username) return 'denied'
  const isNamed = spec.matches.some(({ principal }) => principal === username)
  return spec.effect === 'Allow' && !isNamed ? 'allowed' : 'unknown'
}

/** The guard that the request ran into stands in the way again. */
function guardOf({ spec }: AuditEventObject): GuardFacts {
  if (spec.reason !== 'guard') return NOTHING_IN_THE_WAY
  return {
    namespaceInjected: spec.rule !== 'launch-outside',
    targetContainer: spec.rule === 'sidecar' ? SIDECAR_CONTAINER : '',
    targetRoot: spec.rule === 'foreign-pod' ? 'other' : 'same',
    makes: spec.rule === 'credentials' ? 'credential' : 'none',
  }
}

function toUserInfo({ username, uid = '', groups, extra = {} }: RequesterObject): UserInfo {
  return { username, uid, groups, extra }
}
