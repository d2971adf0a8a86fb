import type { ChainPrincipal } from '../chain.ts'
import type { RequestAttributes } from '../kubernetes/request-attributes.ts'
import { type AccessLimit, limitOf, limitTitle, type ParsedLimit } from './access-limit.ts'
import type { PolicyRule } from './access-policy.ts'
import type { Decision } from './decision.ts'
import { deny, evaluateRules } from './evaluate-rules.ts'
import { NO_OBLIGATIONS } from './obligations.ts'

/** Lets everything pass of which a NarrowingPolicy says nothing. */
const ANYTHING: PolicyRule = {
  ...{ name: '', effect: 'Allow', lifts: [], obligations: NO_OBLIGATIONS },
  ...{ apiGroups: ['*'], resources: ['*'], verbs: ['*'], namespaces: ['*'] },
}

/**
 * What the limits that hold for a principal say of a request: each can refuse it, or add what must be done. Of URLs
 * outside the resource API limits say nothing, and an AccessCeiling need not allow to ask what one may do (`isAsking`).
 */
export function evaluateLimits(
  attributes: RequestAttributes,
  facts: { readonly principal: ChainPrincipal; readonly limits?: readonly ParsedLimit[] },
  isAsking: boolean,
): readonly Decision[] {
  const { principal, limits = [] } = facts
  if (!attributes.resourceRequest) return []
  return limits.flatMap((parsed) => {
    const known = limitOf(parsed)
    if (known.kind === 'NarrowingPolicy' && !concernsNamespace(attributes, known.namespace))
      return []
    if (!parsed.ok) return [deny('limit_invalid', limitTitle(known), principal)]
    const decision = evaluateLimit(attributes, principal, parsed.limit)
    const isSilent = decision.effect === 'deny' && decision.reason === 'above_ceiling'
    return isSilent && isAsking ? [] : [decision]
  })
}

function evaluateLimit(
  attributes: RequestAttributes,
  principal: ChainPrincipal,
  limit: AccessLimit,
): Decision {
  const name = limitTitle(limit)
  const narrows = limit.kind === 'NarrowingPolicy'
  const policies = [{ name, subjects: [], rules: limit.rules }]
  if (narrows) policies.push({ name: '', subjects: [], rules: [ANYTHING] })
  const decision = evaluateRules(attributes, principal, policies, undefined)
  const matches = decision.matches
    .map((one) => ({ ...one, rules: one.rules.filter((rule) => rule.name !== '/') }))
    .filter(({ rules }) => rules.length > 0)
  if (decision.effect !== 'deny') return { ...decision, matches }
  if (decision.reason === 'no_rule')
    return { ...decision, reason: 'above_ceiling', rule: name, matches }
  const reason = decision.reason === 'policy_denies' ? 'limit_denies' : decision.reason
  return { ...decision, reason, matches }
}

/** Kinds of Kubernetes that are in no namespace: a list of them reaches into none. Source: Kubernetes v1.37. */
const CLUSTER_SCOPED: ReadonlySet<string> = new Set([
  ...['/namespaces', '/nodes', '/persistentvolumes', '/componentstatuses'],
  ...['rbac.authorization.k8s.io/clusterroles', 'rbac.authorization.k8s.io/clusterrolebindings'],
  ...['storage.k8s.io/storageclasses', 'storage.k8s.io/volumeattachments'],
  ...['storage.k8s.io/csinodes', 'storage.k8s.io/csidrivers'],
  ...['scheduling.k8s.io/priorityclasses', 'node.k8s.io/runtimeclasses'],
  ...['networking.k8s.io/ingressclasses', 'apiregistration.k8s.io/apiservices'],
  ...['apiextensions.k8s.io/customresourcedefinitions'],
  ...['certificates.k8s.io/certificatesigningrequests'],
])

/**
 * Whether a request is about a namespace: it names it, or reads over all namespaces. A tenant has no say about
 * whatever else names no namespace, since that is not in the tenant's.
 */
function concernsNamespace(
  { verb, namespace, apiGroup, resource }: RequestAttributes,
  own: string,
): boolean {
  if (namespace !== '') return namespace === own
  return (verb === 'list' || verb === 'watch') && !CLUSTER_SCOPED.has(`${apiGroup}/${resource}`)
}
