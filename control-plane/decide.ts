import { randomInt } from 'node:crypto'
import { monotonicFactory } from 'ulid'
import { type ChainPrincipal, chainPrincipals } from '../core/chain.ts'
import { Fault } from '../core/fault.ts'
import type { RequestAttributes } from '../core/kubernetes/request-attributes.ts'
import {
  type Decision,
  type DefaultDecision,
  evaluate,
  needsReview,
  type PrincipalFacts,
} from '../core/policy/evaluate.ts'
import { type GuardFacts, reachesIntoPod } from '../core/policy/guards.ts'
import { type Refusal, refusal } from '../core/policy/refusal.ts'
import { haveSameRoot } from './chains/requesters.ts'
import type { AccessReviewer } from './kubernetes/access-reviewer.ts'
import type { ClusterFacts } from './kubernetes/cluster-facts.ts'
import type { PodReader } from './kubernetes/pod-reader.ts'
import type { AuditEventStore } from './store/audit-event-store.ts'
import type { PodBinding, PodBindingStore } from './store/pod-binding-store.ts'

/** One question of a sidecar. */
export interface Question {
  readonly attributes: RequestAttributes
  readonly container: string
  readonly userAgent: string
  readonly targetContainer: string
  /** Why the sidecar itself refused; empty when it asks. */
  readonly refusedBecause: string
}

/** An answer that is on record. */
export interface Answer {
  readonly decisionId: string
  readonly effect: 'allow' | 'deny'
  readonly refusal: Refusal | undefined
  /** What an observed namespace would have been told. */
  readonly warning: string
}

export interface DecideDeps {
  readonly facts: ClusterFacts
  readonly access: AccessReviewer
  readonly bindings: Pick<PodBindingStore, 'find'>
  /** Which pod a request reaches: asked only of requests that reach into one. */
  readonly readPodUid: PodReader
  readonly auditEvents: AuditEventStore
  readonly defaultDecision: DefaultDecision
  readonly now: () => number
}

export interface Decider {
  /** Decides, and answers once the decision is on disk. Throws when it cannot do either. */
  decide(binding: PodBinding, question: Question): Promise<Answer>
  /** Whether a request that was allowed still would be; records nothing. */
  stillAllows(binding: PodBinding, question: Question): Promise<boolean>
}

/**
 * Node keeps a stock of random bytes for `randomInt`; the library's own source asks the system for one
 * byte at a time, which takes as long as the rest of the decision.
 */
const ulid = monotonicFactory(() => randomInt(32) / 32)

/** Gathers what a decision rests on, has `core/policy` decide, and puts the answer on record. */
export function createDecider(deps: DecideDeps): Decider {
  const { facts, access } = deps

  /** Facts about one principal; a review is asked for only where it counts. */
  function gatherPrincipal(
    principal: ChainPrincipal,
    attributes: RequestAttributes,
  ): PrincipalFacts | Promise<PrincipalFacts> {
    const { policies, invalid } = facts.policiesFor(principal.user)
    const invalidPolicies = invalid.map(({ name }) => name)
    const gathered = { principal, policies, invalidPolicies, access: 'unknown' as const }
    if (!needsReview(attributes, gathered, deps.defaultDecision)) return gathered
    const known = access.peek(principal.user, attributes)
    if (known !== undefined) return { ...gathered, access: known }
    return access
      .review(principal.user, attributes)
      .then((answer) => ({ ...gathered, access: answer }))
  }

  async function gatherGuard(binding: PodBinding, question: Question): Promise<GuardFacts> {
    const { attributes, targetContainer } = question
    return {
      namespaceInjected: facts.isInjected(attributes.namespace),
      targetContainer,
      targetRoot: reachesIntoPod(attributes) ? await targetRoot(binding, attributes) : 'unknown',
    }
  }

  /**
   * By the UID of the pod that has the name now: a binding only says that a pod of some name was
   * admitted, not that it was stored, nor that it is still there.
   */
  async function targetRoot(
    binding: PodBinding,
    { namespace, name }: RequestAttributes,
  ): Promise<GuardFacts['targetRoot']> {
    const podUid = await deps.readPodUid(namespace, name)
    const target = podUid === undefined ? undefined : await deps.bindings.find(podUid)
    if (target === undefined) return 'unknown'
    return haveSameRoot(target.chain, binding.chain) ? 'same' : 'other'
  }

  async function judge(binding: PodBinding, question: Question): Promise<Decision> {
    const problem = facts.problem()
    if (problem !== undefined)
      throw new Fault('decision_unavailable', `Cannot decide yet: ${problem}`)
    const gathered = principalsOf(binding).map((principal) =>
      gatherPrincipal(principal, question.attributes),
    )
    const [principals, guard] = await Promise.all([
      Promise.all(gathered),
      gatherGuard(binding, question),
    ])
    const decision = evaluate(question.attributes, {
      principals,
      guard,
      closed: binding.chain.closed !== undefined,
      defaultDecision: deps.defaultDecision,
    })
    if (decision.effect === 'deny' && decision.reason === 'access_unknown') {
      throw new Fault('decision_unavailable', 'Cannot decide: kube-apiserver did not review access')
    }
    return decision
  }

  async function decide(binding: PodBinding, question: Question): Promise<Answer> {
    const { attributes, container, userAgent, refusedBecause } = question
    const caller = binding.chain.actors.at(-1)
    if (caller === undefined) throw new Fault('chain_unknown', 'The chain of this pod is empty')
    const decision = refusedBecause === '' ? await judge(binding, question) : undefined
    const now = deps.now()
    const decisionId = ulid(now)
    const denied =
      decision?.effect === 'deny'
        ? refusal(attributes, binding.chain, decision, decisionId)
        : undefined
    const effect = decision?.effect ?? 'deny'
    const observed = denied !== undefined && facts.isObserved(caller.namespace)
    await deps.auditEvents.append({
      id: decisionId,
      decidedAtMs: now,
      caller,
      container,
      chain: binding.chain,
      attributes,
      effect,
      reason: decision?.reason ?? 'request_invalid',
      refusedBy: decision?.effect === 'deny' ? (decision.refusedBy?.user.username ?? '') : '',
      rule: decision?.rule ?? '',
      observed,
      userAgent: toPlainText(userAgent),
      message: denied?.message ?? refusedBecause,
    })
    if (observed)
      return { decisionId, effect: 'allow', refusal: undefined, warning: denied.message }
    return { decisionId, effect, refusal: denied, warning: '' }
  }

  return {
    decide,
    stillAllows: async (binding, question) => {
      const decision = await judge(binding, question)
      const caller = binding.chain.actors.at(-1)
      return decision.effect === 'allow' || facts.isObserved(caller?.namespace ?? '')
    },
  }
}

/** Chains never change, so their principals are listed once. */
const principals = new WeakMap<PodBinding, readonly ChainPrincipal[]>()

function principalsOf(binding: PodBinding): readonly ChainPrincipal[] {
  let known = principals.get(binding)
  if (known === undefined) {
    known = chainPrincipals(binding.chain)
    principals.set(binding, known)
  }
  return known
}

const USER_AGENT_MAX = 256

/** A user agent is the caller's own words: kept short, and nothing in it moves a terminal. */
function toPlainText(text: string): string {
  return text.slice(0, USER_AGENT_MAX).replaceAll(/[^\x20-\x7e]/g, '?')
}
