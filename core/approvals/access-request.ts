import type { Actor, DelegationChain } from '../chain.ts'
import type { RequestAttributes } from '../kubernetes/request-attributes.ts'
import type { UserInfo } from '../kubernetes/user-info.ts'
import type { Approval, ApprovalScope } from './approval.ts'

/** `Pending` until one of the others, which stays. */
export const REQUEST_PHASES = ['Pending', 'Approved', 'Denied', 'Cancelled', 'Expired'] as const
export type RequestPhase = (typeof REQUEST_PHASES)[number]

/**
 * `Active` lets requests through. `Used` lets no further request through; a tunnel that it opened stays open until the
 * grant expires or is revoked. `Expired` and `Revoked` stay, and nothing is open under them.
 */
export const GRANT_PHASES = ['Active', 'Used', 'Expired', 'Revoked'] as const
export type GrantPhase = (typeof GRANT_PHASES)[number]

/** A rule that asks for an approval of one request. */
export interface HeldRule {
  /** `policy/rule` */
  readonly name: string
  /** User name of the principal whose rule it is. */
  readonly principal: string
  readonly approval: Approval
}

/** The object that a request changes or reaches into, as the control plane has read it. */
export interface TargetObject {
  readonly uid: string
  /** Shown to approvers, and in no digest: an object changes all the time without becoming another. */
  readonly resourceVersion: string
}

/** What will be sent when the request is approved; a digest stands for all of it. */
export interface HeldRequest {
  readonly cluster: string
  readonly chain: DelegationChain
  /** The pod that asks: the chain's last actor. */
  readonly caller: Actor
  readonly container: string
  /** As whom the request is made; absent when as the pod itself. */
  readonly impersonated?: UserInfo
  readonly attributes: RequestAttributes
  /** HTTP method. Empty for a tunnel, which one client opens by GET and the next by POST. */
  readonly method: string
  /** Path with the query, as it is sent. Empty for an exec or attach, of which `attributes.exec` says all. */
  readonly target: string
  readonly contentType: string
  readonly bodyBytes: number
  /** SHA-256 of the body, in hexadecimal. */
  readonly bodySha256: string
  /** Absent where the request has no single existing object: reads, creates, collections, other URLs. */
  readonly object?: TargetObject
}

/** What one person has said. */
export interface ApprovalReview {
  readonly answer: 'approve' | 'deny'
  readonly by: UserInfo
  readonly atMs: number
  /** Empty when none was given. */
  readonly reason: string
  /** Of an approval. */
  readonly scope: ApprovalScope
}

/** How a request or a grant came to its end. */
export interface Closing {
  readonly atMs: number
  /** User name; empty when time alone did it. */
  readonly by: string
  readonly reason: string
}

/** A request that waits for an approval, or did. */
export interface AccessRequest {
  /** ULID in lower case, which is also its name in the aggregated API. */
  readonly id: string
  readonly held: HeldRequest
  /** RFC 8785 text of what is approved (core/approvals/request-digest.ts), which people are to be shown. */
  readonly canonical: string
  /** SHA-256 of `canonical`, in hexadecimal. */
  readonly digest: string
  readonly rules: readonly HeldRule[]
  /** Why, in the words of the caller (header Lanyard-Reason): no proof of anything. Empty when it gave none. */
  readonly reason: string
  /** Of the decision that held it first. */
  readonly decisionId: string
  readonly createdAtMs: number
  /** Nobody may answer from then on. */
  readonly expiresAtMs: number
  readonly phase: RequestPhase
  readonly reviews: readonly ApprovalReview[]
  /** Absent while it is pending. */
  readonly closing?: Closing
  /** Of an approved one. */
  readonly grantId?: string
  /** Of its newest change: the resource version of watches. */
  readonly revision: number
}

/** What an approval allows. */
export interface AccessGrant {
  /** ULID in lower case. */
  readonly id: string
  readonly requestId: string
  readonly scope: ApprovalScope
  /** Of the calling pod. */
  readonly namespace: string
  readonly pod: string
  readonly rootRequester: string
  /** Names of the rules that it satisfies. */
  readonly rules: readonly string[]
  readonly approvedBy: readonly string[]
  /** Given by a requester to themself. */
  readonly breakGlass: boolean
  readonly createdAtMs: number
  /** From then on it allows nothing, and what it opened is cut. */
  readonly expiresAtMs: number
  /** How many requests may pass; 0 for any number. */
  readonly usesMax: number
  readonly uses: number
  /** Absent while nothing has used it. */
  readonly lastUsedAtMs?: number
  readonly phase: GrantPhase
  /** Of one that expired or was revoked. */
  readonly closing?: Closing
  readonly revision: number
}
