import type { JudgedRequest } from '../../core/authorization/question.ts'
import type { ChainPrincipal } from '../../core/chain.ts'
import { impersonatedUser } from '../../core/kubernetes/impersonation.ts'
import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import {
  type ConditionInput,
  createConditionInput,
} from '../../core/policy/conditions/condition-input.ts'
import {
  readsTime,
  settleConditions,
  settleLimits,
} from '../../core/policy/conditions/settle-conditions.ts'
import {
  type DefaultDecision,
  needsReview,
  type PrincipalFacts,
} from '../../core/policy/evaluate.ts'
import { principalsOf } from '../chains/chain-lapses.ts'
import { type Share, shareOf } from '../fairness/fair-turns.ts'
import type { AccessReviewer } from '../kubernetes/access-reviewer.ts'
import type { ClusterFacts } from '../kubernetes/cluster-facts.ts'
import type { PodBinding } from '../store/pod-binding-store.ts'
import type { WatchedDecision } from './watched-decision.ts'

/** What facts about principals are made of. */
export interface GatherDeps {
  readonly facts: Pick<ClusterFacts, 'policiesFor' | 'namespaceLabels'>
  readonly access: Pick<AccessReviewer, 'peek' | 'review'>
  readonly defaultDecision: DefaultDecision
  readonly now: () => number
}

/** Who asks, and what for: all that conditions look at besides the attributes that are judged. */
export interface AskedBy {
  readonly binding: PodBinding
  readonly request: Pick<JudgedRequest, 'targetContainer' | 'impersonation'>
}

/** The policies of principals as they are for one request: conditions are asked, nobody is reviewed. */
export function createPoliciesOf(
  deps: Pick<GatherDeps, 'facts' | 'now'>,
  asked: AskedBy,
  attributes: RequestAttributes,
): (principal: ChainPrincipal) => PrincipalFacts {
  let input: ConditionInput | undefined
  const inputOf = () => {
    input ??= toInput(deps, asked, attributes)
    return input
  }
  return function policiesOf(principal) {
    const known = deps.facts.policiesFor(principal.user)
    const { settled, conditional } = settleConditions(known.policies, attributes, inputOf)
    const limits = settleLimits(known.limits ?? [], attributes, inputOf)
    return {
      principal,
      policies: settled,
      limits: limits.settled,
      conditional: conditional || limits.conditional,
      invalidPolicies: known.invalid.map(({ name }) => name),
      access: 'unknown',
    }
  }
}

/** Facts about principals; a review is asked for only where it counts. */
export function gatherPrincipals(
  deps: GatherDeps,
  principals: readonly ChainPrincipal[],
  asked: AskedBy,
  attributes: RequestAttributes,
): Promise<readonly PrincipalFacts[]> {
  const asker = shareOf(asked.binding)
  const policiesOf = createPoliciesOf(deps, asked, attributes)
  return Promise.all(principals.map((one) => withAccess(deps, policiesOf(one), attributes, asker)))
}

function withAccess(
  deps: GatherDeps,
  gathered: PrincipalFacts,
  attributes: RequestAttributes,
  asker: Share,
): PrincipalFacts | Promise<PrincipalFacts> {
  if (!needsReview(attributes, gathered, deps.defaultDecision)) return gathered
  const { user } = gathered.principal
  const known = deps.access.peek(user, attributes)
  if (known !== undefined) return { ...gathered, access: known }
  return deps.access
    .review(user, attributes, asker)
    .then((answer) => ({ ...gathered, access: answer }))
}

/** Whether the answer to an open request may change as time goes by, by a condition of somebody's policies. */
export function mayChangeByTime(
  { policiesFor }: Pick<ClusterFacts, 'policiesFor'>,
  { binding, question }: Pick<WatchedDecision, 'binding' | 'question'>,
): boolean {
  const { impersonation } = question
  const users = principalsOf(binding).map(({ user }) => user)
  const everyone = impersonation === undefined ? users : [...users, impersonatedUser(impersonation)]
  return everyone.some((user) => {
    const { policies, limits = [] } = policiesFor(user)
    return policies.some(readsTime) || limits.some((one) => one.ok && readsTime(one.limit))
  })
}

function toInput(
  { facts, now }: Pick<GatherDeps, 'facts' | 'now'>,
  { binding, request }: AskedBy,
  attributes: RequestAttributes,
): ConditionInput {
  const { impersonation, targetContainer } = request
  return createConditionInput({
    attributes,
    container: targetContainer,
    impersonatedUser: impersonation === undefined ? '' : impersonatedUser(impersonation).username,
    chain: binding.chain,
    beganAtMs: binding.beganAtMs,
    renewedAtMs: binding.renewedAtMs,
    namespaceLabels: facts.namespaceLabels(attributes.namespace),
    nowMs: now(),
  })
}
