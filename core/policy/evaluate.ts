import { assert } from '../assert.ts'
import type { ChainPrincipal } from '../chain.ts'
import type { PodTemplateBody } from '../commands/container-command.ts'
import { judgedVerbs, type RequestAttributes } from '../kubernetes/request-attributes.ts'
import type { ParsedLimit } from './access-limit.ts'
import type { AccessPolicy } from './access-policy.ts'
import { type Decision, type Deny, strictest } from './decision.ts'
import { evaluateLimits } from './evaluate-limits.ts'
import { deny, evaluateRules } from './evaluate-rules.ts'
import type { GuardName } from './guard-names.ts'
import { type GuardFacts, guardsHit } from './guards.ts'
import { ruleAllows } from './match-rule.ts'
import { NO_OBLIGATIONS } from './obligations.ts'
import { rulesAbout } from './rules-about.ts'

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
  /** Ceilings and narrowings that hold for it; absent: none. */
  readonly limits?: readonly ParsedLimit[]
  /** Whether a condition of its policies was asked; absent: none was. */
  readonly conditional?: boolean
}

/** Everything a decision depends on, so that deciding never waits. */
export interface Facts {
  /** One for each principal of the chain; an empty list denies. */
  readonly principals: readonly PrincipalFacts[]
  readonly guard: GuardFacts
  /** What the pods would run that the request makes; absent of a request that makes none. */
  readonly template?: PodTemplateBody
  /** The chain's own word: its pods may do nothing. */
  readonly closed?: boolean
  /** What holds for a principal that no policy names. */
  readonly defaultDecision: DefaultDecision
}

export type DefaultDecision = 'SubjectAccessReview' | 'Deny'

/**
 * Whether the cluster's authorizer must be asked about a principal: no policy names it, the request is
 * for a URL outside the resource API, of which policies do not speak, or it only asks what one may do.
 */
export function needsReview(
  attributes: RequestAttributes,
  facts: Pick<PrincipalFacts, 'policies' | 'invalidPolicies'>,
  defaultDecision: DefaultDecision,
): boolean {
  if (!attributes.resourceRequest) return true
  const named = facts.policies.length + facts.invalidPolicies.length > 0
  return named ? isAsking(attributes) : defaultDecision === 'SubjectAccessReview'
}

const SELF_REVIEWS = ['selfsubjectaccessreviews', 'selfsubjectrulesreviews']

/**
 * Whether a request asks what its own caller may do, or who they are. Kubernetes allows it to everybody who
 * is known (the ClusterRole system:basic-user, v1.34), and the answer is narrowed to the chain, so a policy
 * that does not speak of it takes it from nobody.
 */
function isAsking({
  verb,
  alsoVerbs,
  apiGroup,
  resource,
  subresource,
}: RequestAttributes): boolean {
  if (verb !== 'create' || alsoVerbs.length > 0 || subresource !== '') return false
  if (apiGroup === 'authorization.k8s.io') return SELF_REVIEWS.includes(resource)
  return apiGroup === 'authentication.k8s.io' && resource === 'selfsubjectreviews'
}

/**
 * Decides one request for one delegation chain: every principal must be able to make it, and no
 * guard may stand in the way. Adding a principal can only take away: deny beats hold, hold beats allow,
 * and what must be done adds up over all principals and all rules that matched.
 */
export function evaluate(attributes: RequestAttributes, facts: Facts): Decision {
  if (judgedVerbs(attributes).includes('')) return deny('verb_unknown')
  if (facts.principals.length === 0) return deny('chain_unknown')
  if (facts.closed === true) return deny('chain_closed')

  const answers = facts.principals.map((principal) => ({
    isRoot: principal.principal.role === 'root requester',
    decision: evaluatePrincipal(attributes, principal, facts),
  }))
  // The root requester's answer first: its rule stands for an allow, and it is named first in a refusal.
  const root = answers.find(({ isRoot }) => isRoot)
  assert(root !== undefined, 'one principal of a chain is its root requester')
  const others = answers.filter((answer) => answer !== root).map(({ decision }) => decision)
  const guarded = evaluateGuards(attributes, facts)
  const decided = strictest([root.decision, ...others, ...(guarded === undefined ? [] : [guarded])])
  const conditional = facts.principals.some((principal) => principal.conditional === true)
  return conditional && decided.effect === 'allow' ? { ...decided, conditional } : decided
}

/** The refusal of the first guard that stands in the way and is not lifted. Needs no reviews. */
export function evaluateGuards(
  attributes: RequestAttributes,
  facts: Pick<Facts, 'principals' | 'guard'>,
): Deny | undefined {
  const guard = guardsHit(attributes, facts.guard).find(
    (name) => !isLifted(name, attributes, facts.principals),
  )
  return guard === undefined ? undefined : { ...deny('guard', guard), guard }
}

/** Whether one principal can make a request: by its policies, else by RBAC, and by every limit. Guards have no say. */
export function evaluatePrincipal(
  attributes: RequestAttributes,
  principal: PrincipalFacts,
  facts: Pick<Facts, 'defaultDecision' | 'template'>,
): Decision {
  return strictest([
    evaluateGrants(attributes, principal, facts),
    ...evaluateLimits(attributes, principal, isAsking(attributes)),
  ])
}

function evaluateGrants(
  attributes: RequestAttributes,
  facts: PrincipalFacts,
  { defaultDecision, template }: Pick<Facts, 'defaultDecision' | 'template'>,
): Decision {
  const { principal } = facts
  const [invalid] = facts.invalidPolicies
  if (attributes.resourceRequest && invalid !== undefined) {
    return deny('policy_invalid', invalid, principal)
  }
  const named = facts.policies.length > 0 && attributes.resourceRequest
  if (!named && needsReview(attributes, facts, defaultDecision)) return evaluateReview(facts)
  if (facts.policies.length === 0) return deny('default_denies', '', principal)
  const decision = evaluateRules(attributes, principal, facts.policies, template)
  const isSilent = decision.effect === 'deny' && decision.reason === 'no_rule'
  return isSilent && isAsking(attributes) ? evaluateReview(facts) : decision
}

function evaluateReview(facts: PrincipalFacts): Decision {
  if (facts.access === 'allowed') {
    const obligations = NO_OBLIGATIONS
    return { effect: 'allow', reason: 'rbac_allows', rule: '', obligations, matches: [] }
  }
  const reason = facts.access === 'denied' ? 'rbac_denies' : 'access_unknown'
  return deny(reason, '', facts.principal)
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
      judgedVerbs(attributes).every((verb) =>
        policies.some(({ rules }) =>
          rulesAbout(rules, attributes).some(
            (rule) => rule.lifts.includes(guard) && ruleAllows(rule, attributes, verb),
          ),
        ),
      ),
    )
}
