import type { Actor, DelegationChain, PrincipalRole } from '../chain.ts'
import type { Cluster } from '../cluster.ts'
import type { RequestAttributes } from '../kubernetes/request-attributes.ts'
import type { UserInfo } from '../kubernetes/user-info.ts'
import type { MatchedRule } from '../policy/decision.ts'
import type { Obligations } from '../policy/obligations.ts'

export type Effect = 'allow' | 'hold' | 'deny'

/** The rules that matched for one principal, as they are kept. */
export interface RecordedMatches {
  /** User name. */
  readonly principal: string
  readonly role: PrincipalRole
  readonly rules: readonly MatchedRule[]
}

/** How many values one mask has hidden in an answer. */
export interface MaskedValues {
  readonly mask: string
  readonly values: number
}

/** What became of a request after its decision. */
export interface Outcome {
  /** Status sent to the caller; 0 when the connection ended without one. */
  readonly httpStatus: number
  /** A `FaultCode`, or empty when the request ended well. */
  readonly fault: string
  readonly responseBytes: number
  /** The request was sent ahead of its decision, and its answer was thrown away. */
  readonly withheld?: true
  /** How many values of the answer were hidden, by mask; absent when none. */
  readonly masked?: readonly MaskedValues[]
  readonly completedAtMs: number
}

/** Refusals of one pod, of one reason and verb, that one record stands for. */
export interface RefusalSummary {
  /** How many, the first one included. */
  readonly count: number
  readonly lastAtMs: number
  /** Verb and path of some that differ, eight at most. */
  readonly samples: readonly string[]
}

/** What happened to an access request, or to the grant that came of it. */
export const ACCESS_CHANGES = [
  ...(['requested', 'approved', 'denied', 'cancelled', 'expired'] as const),
  ...(['granted', 'revoked', 'grant-expired'] as const),
] as const
export type AccessChangeName = (typeof ACCESS_CHANGES)[number]

/** One change of an access request. */
export interface AccessChange {
  readonly atMs: number
  readonly requestId: string
  readonly change: AccessChangeName
  /** User name; empty when time alone did it. */
  readonly by: string
  /** As it was said. */
  readonly reason: string
  /** Empty before there is a grant. */
  readonly grantId: string
  /** SHA-256 of what is approved, in hexadecimal. */
  readonly digest: string
  /** How much is approved; empty of a change that approves nothing. */
  readonly scope: string
  readonly breakGlass: boolean
}

/** One decision on durable record. */
export interface AuditEvent {
  /** ULID; also the `Audit-ID` of the request at kube-apiserver. */
  readonly id: string
  /** Place of the decision in the log, which all records share: later ones are higher. */
  readonly sequence: number
  /** Place of the newest record about it: its own, or its outcome's. The resource version of watches. */
  readonly lastSequence: number
  readonly decidedAtMs: number
  /** The pod that asked: the chain's last actor. */
  readonly caller: Actor
  readonly container: string
  /** The cluster of the pod that asked. */
  readonly cluster: Cluster
  readonly chain: DelegationChain
  readonly attributes: RequestAttributes
  readonly effect: Effect
  /** Stable name of the reason, such as `no_rule`. */
  readonly reason: string
  /** User name of the principal that may not, or whose rule asks for an approval; empty when allowed. */
  readonly refusedBy: string
  /** `policy/rule` that decided; empty when none did. */
  readonly rule: string
  /** Every rule that matched; empty where RBAC alone decided. */
  readonly matches: readonly RecordedMatches[]
  /** What had to be done to the request; for a hold, what will have to be. */
  readonly obligations: Obligations
  /** True where the namespace only observes, so that a request passed as if nothing stood in its way. */
  readonly observed: boolean
  readonly userAgent: string
  /** As whom the pod wanted to act, as kube-apiserver's own audit names it; absent for itself. */
  readonly impersonatedUser?: UserInfo | undefined
  readonly message: string
  /** The request was sent before it was decided, so that the API server's audit has it whatever was decided. */
  readonly sentAhead?: true
  /** The grant that let a held request pass; absent when none was needed. */
  readonly grantId?: string
  /** What became of the access requests that this hold has led to, oldest first; absent when there are none. */
  readonly accessChanges?: readonly AccessChange[]
  /** Absent for a record of one request, as that of every request that was forwarded is. */
  readonly summary?: RefusalSummary
  /** Absent while the request is open, and for ever when its sidecar died. */
  readonly outcome?: Outcome
}
