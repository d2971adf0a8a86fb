import type { MaskedValues } from '../../core/audit/audit-event.ts'
import type { HeldBytes } from '../../core/authorization/held-bytes.ts'
import type { Question } from '../../core/authorization/question.ts'
import type { StatusCause } from '../../core/kubernetes/status.ts'
import type { MaskDefinition } from '../../core/masking/mask-profile.ts'
import type { Obligations } from '../../core/policy/obligations.ts'

/** The control plane's yes, which is on record. */
export interface AllowReply {
  readonly effect: 'allow'
  /** Id of the durable record; becomes the `Audit-ID` of the request. */
  readonly id: string
  /** What must be done to the request; whoever cannot do all of it must not let the request through. */
  readonly obligations: Obligations
  /** With which the answer is masked; empty where it is not. */
  readonly maskKey: Uint8Array
  /** What the MaskProfiles in the obligations say, as far as that was told. */
  readonly profiles?: readonly MaskDefinition[]
  /** Shown to the caller; empty when there is nothing to say. */
  readonly warning: string
  /** Whether the impersonation of the question was judged. */
  readonly impersonationJudged: boolean
}

/** The control plane's no, which is on record. */
export interface DenyReply {
  readonly effect: 'deny'
  readonly id: string
  readonly message: string
  readonly causes: readonly StatusCause[]
}

/** Not before somebody has approved it, which is on record. */
export interface HoldReply {
  readonly effect: 'hold'
  readonly id: string
  readonly message: string
  readonly causes: readonly StatusCause[]
  /** When the caller is to ask again. */
  readonly retryAfterSeconds: number
}

export type DecisionReply = AllowReply | HoldReply | DenyReply

/** What became of a held request. Messages are for people, and complete by themselves. */
export type ApprovalReply =
  /** The decision is to be asked for again, with the digest where there is one. */
  | { readonly state: 'ask-again'; readonly digest: string }
  /** Nobody has answered yet. */
  | {
      readonly state: 'pending'
      readonly requestId: string
      readonly message: string
      readonly retryAfterSeconds: number
    }
  /** Nobody will approve it. */
  | { readonly state: 'refused'; readonly requestId: string; readonly message: string }

/** What the chain would be answered to one question. */
export interface ProspectReply {
  readonly allowed: boolean
  /** Why not, for people; with an allow, what an observed namespace would have been told. */
  readonly reason: string
  /** Why it is not known; empty when it is. Then it is not allowed. */
  readonly error: string
}

/** What became of a request that was decided. */
export interface OutcomeReport {
  readonly decisionId: string
  /** 0 when no status was sent. */
  readonly httpStatus: number
  /** Fault that ended the exchange; empty when it ended well. */
  readonly fault: string
  readonly responseBytes: bigint
  /** The request was sent ahead of its decision, and its answer was thrown away. */
  readonly withheld?: boolean
  /** How many values of the answer were hidden; no mask twice. */
  readonly masked?: readonly MaskedValues[]
}

/** A read that may be sent upstream now, while its decision is asked for. */
export interface ForeseenRead {
  /** The `Audit-ID` under which it is to be sent. */
  readonly decisionId: string
  /**
   * The decision, whose id is `decisionId`; nothing of the API server's answer may reach the caller before it is a
   * returned allow. Rejects as `authorize`: then the answer is to be thrown away, and nothing is to be reported.
   */
  readonly reply: Promise<DecisionReply>
}

/** Why what was allowed no longer is: a denial, or nobody could tell in time. */
export interface Revoked {
  readonly code: 'permission_denied' | 'decision_unavailable'
  readonly message: string
}

/** Decides requests, and follows those that it allowed until they end. */
export interface Authorizer {
  /**
   * The decision on one request. Throws `decision_unavailable`, `decision_timeout`, `overloaded` or
   * `audit_unavailable`; nothing but a returned allow lets a request through.
   */
  authorize(question: Question): Promise<DecisionReply>
  /**
   * Asks for the decision on a plain read that will be sent immediately, without a body. Undefined when the request
   * has to wait for its decision: then nothing was asked. What came of a returned decision is reported as ever, with
   * `withheld` when the answer was thrown away.
   */
  foresee(question: Question): ForeseenRead | undefined
  /**
   * Has a held request shown to people, and waits for an answer. Throws `decision_unavailable` when the control plane
   * cannot be asked, and what it failed with.
   */
  requestApproval(held: HeldBytes): Promise<ApprovalReply>
  /**
   * What the chain would be answered to each of at most 100 questions; lets nothing through. Throws
   * `decision_unavailable` or `overloaded`.
   */
  review(questions: readonly Question[]): Promise<readonly ProspectReply[]>
  /** Says what became of an allowed or recorded request. Every decision is reported once. */
  report(outcome: OutcomeReport): void
  /** Calls back, immediately or later, when what allowed the request no longer does. */
  onRevoked(decisionId: string, cut: (revocation: Revoked) => void): void
}
