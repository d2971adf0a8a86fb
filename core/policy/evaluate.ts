import { assert } from '../assert.ts'
import type { ChainPrincipal } from '../chain.ts'
import { judgedVerbs, type RequestAttributes } from '../kubernetes/request-attributes.ts'
import type { AccessPolicy, PolicyRule } from './access-policy.ts'
import type { GuardName } from './guard-names.ts'
import { type GuardFacts, guardsHit } from './guards.ts'
import { ruleAllows, ruleDenies } from './match-rule.ts'

/** What is known of one principal, gathered beforehand. */
export interface PrincipalFacts {
  readonly principal: ChainPrincipal
  /** Policies that name it. */
  readonly policies: readonly AccessPolicy[]
  /** Names of policies that name it and cannot be used. */
  readonly invalidPolicies: readonly string[]
  /**
   * What the cluster's authorizer says of all judged verbs. Read only where `needsReview` is true.
   * `unknown` is no.
   */
  readonly access: 'allowed' | 'denied' | 'unknown'
}

/** Everything a decision depends on, so that deciding never waits. */
export interface Facts {
  /** One for each principal of the chain; an empty list denies. */
  readonly principals: readonly PrincipalFacts[]
  readonly guard: GuardFacts
  /** The chain's own word: its pods may do nothing. */
  readonly closed?: boolean
  /** What holds for a principal that no policy names. */
  readonly defaultDecision: DefaultDecision
}

export type DefaultDecision = 'SubjectAccessReview' | 'Deny'

export type DenyReason =
  | 'verb_unknown'
  | 'chain_unknown'
  | 'chain_closed'
  | 'chain_expired'
  | 'chain_revoked'
  | 'requester_gone'
  | 'guard'
  | 'policy_invalid'
  | 'policy_denies'
  | 'no_rule'
  | 'rbac_denies'
  | 'access_unknown'
  | 'default_denies'

export interface Allow {
  readonly effect: 'allow'
  readonly reason: 'policy_allows' | 'rbac_allows'
  /** `policy/rule` that allowed the root requester; empty where RBAC did. */
  readonly rule: string
}

export interface Deny {
  readonly effect: 'deny'
  readonly reason: DenyReason
  /** The principal that may not; absent where the request itself is refused. */
  readonly refusedBy?: ChainPrincipal
  /** `policy/rule`, policy, or guard; empty where none decided. */
  readonly rule: string
  readonly guard?: GuardName
  /** What is wrong besides, in words; absent where the reason says it all. */
  readonly detail?: string
  /** Of a chain that may do nothing any more: the words for a person. */
  readonly why?: string
}

export type Decision = Allow | Deny

/**
 * Whether the cluster's authorizer must be asked about a principal: no policy names it, or the
 * request is for a URL outside the resource API, of which policies do not speak.
 */
export function needsReview(
  attributes: RequestAttributes,
  facts: Pick<PrincipalFacts, 'policies' | 'invalidPolicies'>,
  defaultDecision: DefaultDecision,
): boolean {
  if (!attributes.resourceRequest) return true
  const named = facts.policies.length + facts.invalidPolicies.length > 0
  return !named && defaultDecision === 'SubjectAccessReview'
}

/**
 * Decides one request for one delegation chain: every principal must be able to make it, and no
 * guard may stand in the way. Adding a principal can only take away.
 */
export function evaluate(attributes: RequestAttributes, facts: Facts): Decision {
  if (judgedVerbs(attributes).includes(''))
    return { effect: 'deny', reason: 'verb_unknown', rule: '' }
  const [root] = facts.principals
  if (root === undefined) return { effect: 'deny', reason: 'chain_unknown', rule: '' }
  assert(root.principal.role === 'root requester', 'the first principal is the root requester')
  if (facts.closed === true) return { effect: 'deny', reason: 'chain_closed', rule: '' }

  const answers = facts.principals.map((principal) =>
    evaluatePrincipal(attributes, principal, facts.defaultDecision),
  )
  const refused = answers.find((answer) => answer.effect === 'deny')
  if (refused !== undefined) return refused
  const guarded = evaluateGuards(attributes, facts)
  if (guarded !== undefined) return guarded
  const [answer] = answers
  assert(answer !== undefined, 'the root requester has an answer')
  return answer
}

/** The refusal of the first guard that stands in the way and is not lifted. Needs no reviews. */
export function evaluateGuards(
  attributes: RequestAttributes,
  facts: Pick<Facts, 'principals' | 'guard'>,
): Deny | undefined {
  const guard = guardsHit(attributes, facts.guard).find(
    (name) => !isLifted(name, attributes, facts.principals),
  )
  return guard === undefined ? undefined : { effect: 'deny', reason: 'guard', rule: guard, guard }
}

function evaluatePrincipal(
  attributes: RequestAttributes,
  facts: PrincipalFacts,
  defaultDecision: DefaultDecision,
): Decision {
  const refusedBy = facts.principal
  const [invalid] = facts.invalidPolicies
  if (attributes.resourceRequest && invalid !== undefined) {
    return { effect: 'deny', reason: 'policy_invalid', refusedBy, rule: invalid }
  }
  if (needsReview(attributes, facts, defaultDecision)) return evaluateReview(facts)
  if (facts.policies.length === 0) {
    return { effect: 'deny', reason: 'default_denies', refusedBy, rule: '' }
  }
  const denying = firstRule(facts.policies, (rule) => ruleDenies(rule, attributes))
  if (denying !== undefined) {
    return { effect: 'deny', reason: 'policy_denies', refusedBy, rule: denying }
  }
  const allowing = judgedVerbs(attributes).map((verb) =>
    firstRule(facts.policies, (rule) => ruleAllows(rule, attributes, verb)),
  )
  if (allowing.includes(undefined)) {
    return { effect: 'deny', reason: 'no_rule', refusedBy, rule: '' }
  }
  return { effect: 'allow', reason: 'policy_allows', rule: allowing[0] ?? '' }
}

function evaluateReview(facts: PrincipalFacts): Decision {
  if (facts.access === 'allowed') return { effect: 'allow', reason: 'rbac_allows', rule: '' }
  const reason = facts.access === 'denied' ? 'rbac_denies' : 'access_unknown'
  return { effect: 'deny', reason, refusedBy: facts.principal, rule: '' }
}

/**
 * A guard is lifted when each requester (not each ancestor nor who is impersonated: they chose nothing)
 * has, for each judged verb, an Allow rule that matches and names it. All of them, so that one more requester never
 * opens a door, and a rule for reads opens none to what a read does besides.
 */
function isLifted(
  guard: GuardName,
  attributes: RequestAttributes,
  principals: readonly PrincipalFacts[],
): boolean {
  return principals
    .filter(({ principal: { role } }) => role === 'root requester' || role === 'co-requester')
    .every(({ policies }) =>
      judgedVerbs(attributes).every(
        (verb) =>
          firstRule(
            policies,
            (rule) => rule.lifts.includes(guard) && ruleAllows(rule, attributes, verb),
          ) !== undefined,
      ),
    )
}

function firstRule(
  policies: readonly AccessPolicy[],
  matches: (rule: PolicyRule) => boolean,
): string | undefined {
  for (const policy of policies) {
    const rule = policy.rules.find(matches)
    if (rule !== undefined) return `${policy.name}/${rule.name}`
  }
  return undefined
}
