import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import type { Decision } from '../../core/policy/decision.ts'
import { describeObligations, isFree } from '../../core/policy/obligations.ts'
import { type Refusal, refusal } from '../../core/policy/refusal.ts'
import type { PodBinding } from '../store/pod-binding-store.ts'

/** What the caller is told when a decision stops the request; undefined when the request passes. */
export function tell(
  about: RequestAttributes,
  binding: PodBinding,
  decision: Decision | undefined,
  decisionId: string,
): Refusal | undefined {
  if (decision === undefined) return undefined
  if (decision.effect !== 'allow') return refusal(about, binding.chain, decision, decisionId)
  if (isFree(decision.obligations)) return undefined
  return { message: describeObligations(decision.obligations), causes: [] }
}
