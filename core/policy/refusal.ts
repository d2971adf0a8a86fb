import type { ChainPrincipal, DelegationChain } from '../chain.ts'
import { escapeText } from '../escape-text.ts'
import {
  judgedVerbs,
  type RequestAttributes,
  resourceWithSubresource,
} from '../kubernetes/request-attributes.ts'
import type { StatusCause } from '../kubernetes/status.ts'
import { closedBecause, grantAdvice } from './chain-advice.ts'
import type { Deny, Hold } from './decision.ts'
import { explainGuard } from './guards.ts'

/** Reason of the cause that says that the body has to come in another media type. */
export const WRONG_MEDIA_TYPE = 'LanyardMediaType'

export interface Refusal {
  /** Complete by itself: kubectl shows nothing else of a 403. */
  readonly message: string
  /** The same for programs; reasons and fields are stable. */
  readonly causes: readonly StatusCause[]
}

/**
 * What the caller of a request that does not pass is told, fit for a terminal. `decisionId` finds the
 * record; it is empty where nothing was asked for but an opinion.
 */
export function refusal(
  attributes: RequestAttributes,
  chain: DelegationChain,
  decision: Deny | Hold,
  decisionId: string,
): Refusal {
  const root = chain.rootRequester.username
  const caller = chain.actors.at(-1)
  const pod = caller === undefined ? '' : `${caller.namespace}/${caller.name}`
  const principal = decision.effect === 'hold' ? decision.heldFor : decision.refusedBy
  const who = describePrincipal(principal, root, pod)
  const record = decisionId === '' ? '' : ` [decision ${decisionId}]`
  const asked = `${target(attributes)} is forbidden: ${who} cannot ${what(attributes)}`
  const message = `${asked}${because(decision, attributes, chain)}${record}`
  const causes: StatusCause[] = [
    cause('LanyardDecision', 'decision', decisionId),
    cause('LanyardEffect', 'effect', decision.effect),
    cause('LanyardReason', 'reason', decision.reason),
    cause('LanyardRootRequester', 'chain.rootRequester', root),
    cause('LanyardPod', 'chain.pod', pod),
    cause('LanyardRefusedBy', 'refusedBy', principal?.user.username ?? ''),
    cause('LanyardRule', 'rule', decision.rule),
    ...(decision.effect === 'deny' && decision.wrongMediaType === true
      ? [cause(WRONG_MEDIA_TYPE, 'body', 'send the body as JSON or YAML')]
      : []),
    cause('LanyardRetryable', 'retryable', decision.effect === 'hold' ? 'afterApproval' : 'false'),
  ]
  return {
    message: escapeText(message),
    causes: causes.filter(({ message: value }) => value !== ''),
  }
}

function because(
  decision: Deny | Hold,
  attributes: RequestAttributes,
  chain: DelegationChain,
): string {
  if (decision.effect === 'deny') {
    return `: ${why(decision, attributes, chain)}${detail(decision)}${grantAdvice(decision, chain)}`
  }
  return ` before it is approved: rule ${JSON.stringify(decision.rule)} requires an approval; wait for it, then send the same request again`
}

function describePrincipal(
  principal: ChainPrincipal | undefined,
  root: string,
  pod: string,
): string {
  if (principal?.role === 'impersonated') {
    return `${principal.user.username} (whom pod ${pod} impersonates, whose root requester is ${root})`
  }
  if (principal === undefined || principal.user.username === root) {
    return `${root} (root requester of pod ${pod})`
  }
  const role = principal.role === 'ancestor' ? 'which launched' : 'who also chose the code of'
  return `${principal.user.username} (${role} pod ${pod}, whose root requester is ${root})`
}

function target({ resourceRequest, resource, apiGroup, name, path }: RequestAttributes): string {
  if (!resourceRequest) return JSON.stringify(path)
  const kind = apiGroup === '' ? resource : `${resource}.${apiGroup}`
  return name === '' ? kind : `${kind} ${JSON.stringify(name)}`
}

function what(attributes: RequestAttributes): string {
  const verbs = judgedVerbs(attributes).join(' and ')
  if (!attributes.resourceRequest) return `${verbs} path ${JSON.stringify(attributes.path)}`
  const { apiGroup, namespace } = attributes
  const where =
    namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`
  const resource = JSON.stringify(resourceWithSubresource(attributes))
  return `${verbs} resource ${resource} in API group ${JSON.stringify(apiGroup)} ${where}`
}

function why(deny: Deny, attributes: RequestAttributes, chain: DelegationChain): string {
  switch (deny.reason) {
    case 'verb_unknown':
      return 'the verb is not known'
    case 'chain_unknown':
      return 'nobody is on record for this pod'
    case 'chain_closed':
      return closedBecause(chain)
    case 'chain_expired':
    case 'chain_revoked':
    case 'requester_gone':
    case 'pod_ended':
      return deny.why ?? 'the chain has ended'
    case 'guard':
      return deny.guard === undefined
        ? 'a guard stands in the way'
        : `${explainGuard(deny.guard, attributes)} (guard ${deny.guard})`
    case 'policy_invalid':
      return `AccessPolicy ${JSON.stringify(deny.rule)} is not valid, and until it is mended its subjects may do nothing`
    case 'policy_denies':
      return `rule ${JSON.stringify(deny.rule)} denies it`
    case 'limit_invalid':
      return `${deny.rule} is not valid, and until it is mended nothing passes that it could stand over`
    case 'limit_denies':
      return `rule ${JSON.stringify(deny.rule)} denies it`
    case 'above_ceiling':
      return `${deny.rule} does not allow it, whatever policies and RBAC allow`
    case 'command_denied':
      return `rule ${JSON.stringify(deny.rule)} does not let this command run`
    case 'no_rule':
      return 'no rule allows it'
    case 'rbac_denies':
      return 'RBAC does not allow it'
    case 'default_denies':
      return 'no AccessPolicy names this principal'
    case 'access_unknown':
      return 'the authorizer gave no answer'
    default:
      return deny.reason satisfies never
  }
}

function detail(deny: Deny): string {
  return deny.detail === undefined ? '' : `: ${deny.detail}`
}

function cause(reason: string, field: string, message: string): StatusCause {
  return { reason, field, message: escapeText(message) }
}
