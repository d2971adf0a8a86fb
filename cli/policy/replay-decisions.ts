import type { AuditEventObject, EffectWord } from '../../api/objects/access-objects.ts'
import { type PolicySet, simulate } from '../../core/policy/simulate.ts'
import { isByPolicies, requestsOf, toSimulated } from './recorded-request.ts'

/** What other policies would have made of one recorded decision. */
export interface ReplayedDecision {
  readonly event: AuditEventObject
  /** `unknown` where the record does not say what RBAC would. */
  readonly effect: EffectWord | 'unknown'
  readonly reason: string
  readonly rule: string
}

/** How a replay went, in requests. */
export interface ReplayScore {
  /** That passed, and of those that would pass again. */
  readonly passed: number
  readonly passAgain: number
  /** That were refused, and of those that would be refused again. */
  readonly refused: number
  readonly refusedAgain: number
  readonly unknown: number
}

const WORDS = { allow: 'Allow', hold: 'Hold', deny: 'Deny' } as const

/** Decides a recorded request again. What no policy has a say in stays as it was. */
export function replayDecision(set: PolicySet, event: AuditEventObject): ReplayedDecision {
  const { effect, reason, rule } = event.spec
  if (!isByPolicies(event)) return { event, effect, reason, rule }
  const decision = simulate(set, toSimulated(event))
  const isUnknown = decision.effect === 'deny' && decision.reason === 'access_unknown'
  return {
    event,
    effect: isUnknown ? 'unknown' : WORDS[decision.effect],
    reason: decision.reason,
    rule: decision.rule,
  }
}

/** Whether the answer would be another one. */
export function isChanged({ event, effect }: ReplayedDecision): boolean {
  return effect !== 'unknown' && effect !== event.spec.effect
}

/** Counts the requests behind replayed decisions. */
export function scoreOf(replayed: readonly ReplayedDecision[]): ReplayScore {
  const sum = (wanted: (one: ReplayedDecision) => boolean) =>
    replayed.filter(wanted).reduce((total, { event }) => total + requestsOf(event), 0)
  const passes = ({ event }: ReplayedDecision) => event.spec.effect === 'Allow'
  return {
    passed: sum(passes),
    passAgain: sum((one) => passes(one) && one.effect === 'Allow'),
    refused: sum((one) => !passes(one)),
    refusedAgain: sum((one) => !passes(one) && ['Deny', 'Hold'].includes(one.effect)),
    unknown: sum(({ effect }) => effect === 'unknown'),
  }
}
