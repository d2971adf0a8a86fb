import { randomInt } from 'node:crypto'
import { monotonicFactory } from 'ulid'
import { Fault } from '../core/fault.ts'
import { impersonatedUser } from '../core/kubernetes/impersonation.ts'
import { type Refusal, refusal } from '../core/policy/refusal.ts'
import { createJudgeChain, type JudgeDeps, type JudgedRequest } from './judge-chain.ts'
import type { AuditEventStore } from './store/audit-event-store.ts'
import type { PodBinding } from './store/pod-binding-store.ts'

/** One question of a sidecar. */
export interface Question extends JudgedRequest {
  readonly container: string
  readonly userAgent: string
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
  /** Whether the question impersonated somebody and the decision took that into account. */
  readonly impersonationJudged: boolean
}

export interface DecideDeps extends JudgeDeps {
  readonly auditEvents: AuditEventStore
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

/** Has a request judged, and puts the answer on record. */
export function createDecider(deps: DecideDeps): Decider {
  const { facts } = deps
  const judgeChain = createJudgeChain(deps)

  async function decide(binding: PodBinding, question: Question): Promise<Answer> {
    const { attributes, container, userAgent, refusedBecause, impersonation } = question
    const caller = binding.chain.actors.at(-1)
    if (caller === undefined) throw new Fault('chain_unknown', 'The chain of this pod is empty')
    const judged = refusedBecause === '' ? await judgeChain(binding, question) : undefined
    const decision = judged?.decision
    const now = deps.now()
    const decisionId = ulid(now)
    const denied =
      decision?.effect === 'deny'
        ? refusal(judged?.about ?? attributes, binding.chain, decision, decisionId)
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
      ...(impersonation === undefined ? {} : { impersonatedUser: impersonatedUser(impersonation) }),
    })
    const impersonationJudged = judged !== undefined && impersonation !== undefined
    const answer = { decisionId, impersonationJudged }
    if (observed) {
      return { ...answer, effect: 'allow', refusal: undefined, warning: denied.message }
    }
    return { ...answer, effect, refusal: denied, warning: '' }
  }

  return {
    decide,
    stillAllows: async (binding, question) => {
      const { decision } = await judgeChain(binding, question)
      const caller = binding.chain.actors.at(-1)
      return decision.effect === 'allow' || facts.isObserved(caller?.namespace ?? '')
    },
  }
}

const USER_AGENT_MAX = 256

/** A user agent is the caller's own words: kept short, and nothing in it moves a terminal. */
function toPlainText(text: string): string {
  return text.slice(0, USER_AGENT_MAX).replaceAll(/[^\x20-\x7e]/g, '?')
}
