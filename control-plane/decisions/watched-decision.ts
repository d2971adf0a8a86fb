import type { Question } from '../../core/authorization/question.ts'
import type { FaultCode } from '../../core/fault.ts'
import type { Obligations } from '../../core/policy/obligations.ts'
import { textKey } from '../../core/text-key.ts'
import type { PodBinding } from '../store/pod-binding-store.ts'

/** An allowed request whose outcome is still to come: a watch, a followed log, a tunnel, a slow answer. */
export interface WatchedDecision {
  readonly decisionId: string
  readonly binding: PodBinding
  readonly question: Question
  /** What is being done to the request. */
  readonly obligations: Obligations
  readonly revoke: (why: RevocationCause) => void
}

/** Why an open request must end. */
export interface RevocationCause {
  /** `permission_denied`: the answer is no. `decision_unavailable`: no answer came in time. */
  readonly code: Extract<FaultCode, 'permission_denied' | 'decision_unavailable'>
  readonly message: string
}

/** Somebody could say: it is not. */
export const DENIED: RevocationCause = {
  code: 'permission_denied',
  message: 'what allowed this request no longer does',
}
/** Nobody could say whether a request is still allowed. */
export const UNANSWERED: RevocationCause = {
  code: 'decision_unavailable',
  message: 'the control plane could not find out in time whether this request is still allowed',
}

/** The key of a decision that is open. */
export function keyOf({ binding, decisionId }: WatchedDecision): string {
  return watchedDecisionKey(binding.podUid, decisionId)
}

/** A sidecar chooses what it sends as the id of a decision. */
export function watchedDecisionKey(podUid: string, decisionId: string): string {
  return textKey([podUid, decisionId])
}
