import type { Actor, DelegationChain } from '../chain.ts'
import type { RequestAttributes } from '../kubernetes/request-attributes.ts'
import type { UserInfo } from '../kubernetes/user-info.ts'

export type Effect = 'allow' | 'deny'

/** What became of a request after its decision. */
export interface Outcome {
  /** Status sent to the caller; 0 when the connection ended without one. */
  readonly httpStatus: number
  /** A `FaultCode`, or empty when the request ended well. */
  readonly fault: string
  readonly responseBytes: number
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

/** One decision on durable record. */
export interface AuditEvent {
  /** ULID; also the `Audit-ID` of the request at kube-apiserver. */
  readonly id: string
  /** Order of the decisions: 1, 2, 3 … */
  readonly sequence: number
  /** Grows with every change of any event; the resource version of watches. */
  readonly revision: number
  readonly decidedAtMs: number
  /** The pod that asked: the chain's last actor. */
  readonly caller: Actor
  readonly container: string
  readonly chain: DelegationChain
  readonly attributes: RequestAttributes
  readonly effect: Effect
  /** Stable name of the reason, such as `no_rule`. */
  readonly reason: string
  /** User name of the principal that may not; empty when allowed. */
  readonly refusedBy: string
  /** `policy/rule` that decided; empty when none did. */
  readonly rule: string
  /** True where the namespace only observes, so that a denied request passed. */
  readonly observed: boolean
  readonly userAgent: string
  /** As whom the pod wanted to act, as kube-apiserver's own audit names it; absent for itself. */
  readonly impersonatedUser?: UserInfo | undefined
  readonly message: string
  /** Absent for a record of one request, as that of every request that was forwarded is. */
  readonly summary?: RefusalSummary
  /** Absent while the request is open, and for ever when its sidecar died. */
  readonly outcome?: Outcome
}
