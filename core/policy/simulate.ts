import { type ChainPrincipal, chainPrincipals, type DelegationChain } from '../chain.ts'
import type { RequestAttributes } from '../kubernetes/request-attributes.ts'
import type { UserInfo } from '../kubernetes/user-info.ts'
import { limitOf, type ParsedLimit } from './access-limit.ts'
import { policyNames } from './access-policy.ts'
import { createConditionInput } from './conditions/condition-input.ts'
import { settleConditions, settleLimits } from './conditions/settle-conditions.ts'
import type { Decision } from './decision.ts'
import {
  type DefaultDecision,
  evaluate,
  evaluatePrincipal,
  type PrincipalFacts,
} from './evaluate.ts'
import type { GuardFacts } from './guards.ts'
import type { ParsedPolicy } from './parse-access-policy.ts'

/** Everything that is written about what chains may do. */
export interface PolicySet {
  readonly policies: readonly ParsedPolicy[]
  readonly limits: readonly ParsedLimit[]
}

/** One request that nobody makes, and what has to be known to decide about it. */
export interface SimulatedRequest {
  readonly attributes: RequestAttributes
  readonly chain: DelegationChain
  /** Unix milliseconds. */
  readonly nowMs: number
  readonly beganAtMs: number
  readonly renewedAtMs: number
  readonly namespaceLabels: Readonly<Record<string, string>> | undefined
  readonly guard: GuardFacts
  readonly defaultDecision: DefaultDecision
  /** What RBAC says of a principal; asked of each, read where no policy names it. */
  readonly accessOf: (user: UserInfo) => PrincipalFacts['access']
}

/** Guards that look at more than the request find nothing in the way. */
export const NOTHING_IN_THE_WAY: GuardFacts = {
  namespaceInjected: true,
  targetContainer: '',
  targetRoot: 'same',
  makes: 'none',
}

/** What would be decided by a set of policies, by the same code as in the control plane. */
export function simulate(set: PolicySet, request: SimulatedRequest): Decision {
  const { attributes, chain, guard, defaultDecision } = request
  const principals = factsOf(set, request)
  const closed = chain.closed !== undefined
  return evaluate(attributes, { principals, guard, closed, defaultDecision })
}

/** What would be decided about each principal of the chain by itself; guards have no say. */
export function simulateEach(
  set: PolicySet,
  request: SimulatedRequest,
): readonly { readonly principal: ChainPrincipal; readonly decision: Decision }[] {
  return factsOf(set, request).map((facts) => ({
    principal: facts.principal,
    decision: evaluatePrincipal(request.attributes, facts, request),
  }))
}

function factsOf(set: PolicySet, request: SimulatedRequest): readonly PrincipalFacts[] {
  return chainPrincipals(request.chain).map((principal) => ({
    principal,
    ...policiesInForce(set, request, principal.user),
    access: request.accessOf(principal.user),
  }))
}

/** Whether a policy of the set names a user, so that RBAC is not asked. */
export function isNamed({ policies }: PolicySet, user: UserInfo): boolean {
  return policies.some((one) =>
    policyNames(one.ok ? one.policy.subjects : one.invalid.subjects, user),
  )
}

function policiesInForce(
  { policies, limits }: PolicySet,
  request: SimulatedRequest,
  user: UserInfo,
): Pick<PrincipalFacts, 'policies' | 'invalidPolicies' | 'limits'> {
  const inputOf = () => createConditionInput({ ...request, container: '', impersonatedUser: '' })
  const valid = policies.flatMap((one) =>
    one.ok && policyNames(one.policy.subjects, user) ? [one.policy] : [],
  )
  const holding = limits.filter((one) => {
    const { subjects } = limitOf(one)
    return subjects === undefined || policyNames(subjects, user)
  })
  return {
    policies: settleConditions(valid, request.attributes, inputOf).settled,
    limits: settleLimits(holding, request.attributes, inputOf).settled,
    invalidPolicies: policies.flatMap((one) =>
      !one.ok && policyNames(one.invalid.subjects, user) ? [one.invalid.name] : [],
    ),
  }
}
