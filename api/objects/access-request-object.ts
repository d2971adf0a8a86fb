import type { GrantPhase, RequestPhase } from '../../core/approvals/access-request.ts'
import type { ApprovalScope, Approver } from '../../core/approvals/approval.ts'
import type {
  ACCESS_API_VERSION,
  AccessObjectMeta,
  AskedRequestSpec,
  RequesterObject,
} from './access-objects.ts'

/** Plural names of the resources. */
export const ACCESS_REQUESTS = 'accessrequests'
export const ACCESS_GRANTS = 'accessgrants'

/** A rule that asks for an approval of the request. */
export interface HeldRuleObject {
  /** `policy/rule` */
  readonly name: string
  /** User name of the principal whose rule it is. */
  readonly principal: string
  /** Empty: nobody but, with `breakGlass`, who asks. */
  readonly approvers: readonly Approver[]
  /** Whether who asks may approve too, with a reason and an alarm. */
  readonly breakGlass: boolean
  /** How many different people have to approve. */
  readonly minimum: number
  readonly reasonRequired: boolean
  readonly widestScope: ApprovalScope
  /** How long a grant lives, in seconds. */
  readonly durationSeconds: number
}

/** What one person has said. */
export interface ApprovalReviewObject {
  readonly answer: 'Approve' | 'Deny'
  readonly by: string
  /** RFC 3339. */
  readonly at: string
  readonly scope?: ApprovalScope
  readonly reason?: string
}

/** A request of a pod that waits for an approval, or did. Its name is a ULID in lower case. */
export interface AccessRequestObject {
  readonly apiVersion: typeof ACCESS_API_VERSION
  readonly kind: 'AccessRequest'
  readonly metadata: AccessObjectMeta
  readonly spec: AskedRequestSpec & {
    /** As whom the request is made; absent when as the pod itself. */
    readonly impersonatedUser?: RequesterObject
    /** HTTP method, and path with query; empty for tunnels. */
    readonly method: string
    readonly target: string
    readonly contentType: string
    readonly bodyBytes: number
    /** In hexadecimal. */
    readonly bodySha256: string
    /** The object that the request changes, as it was then; absent where there is no single one. */
    readonly object?: { readonly uid: string; readonly resourceVersion: string }
    /** SHA-256, in hexadecimal, of all that is approved. An approval names it. */
    readonly digest: string
    readonly rules: readonly HeldRuleObject[]
    /** In the words of the caller; nobody has checked them. Absent when it gave none. */
    readonly reason?: string
    /** Name of the AuditEvent of the decision that held it. */
    readonly decision: string
    readonly expiresAt: string
  }
  readonly status: {
    readonly phase: RequestPhase
    readonly reviews: readonly ApprovalReviewObject[]
    readonly closedAt?: string
    /** User name; absent when time closed it. */
    readonly closedBy?: string
    readonly closingReason?: string
    /** Name of the AccessGrant. */
    readonly grant?: string
  }
}

/** What an approval allows. */
export interface AccessGrantObject {
  readonly apiVersion: typeof ACCESS_API_VERSION
  readonly kind: 'AccessGrant'
  readonly metadata: AccessObjectMeta
  readonly spec: {
    /** Name of the AccessRequest. */
    readonly request: string
    readonly scope: ApprovalScope
    readonly pod: string
    readonly rootRequester: string
    readonly rules: readonly string[]
    readonly approvedBy: readonly string[]
    /** Given by who asked to themself. */
    readonly breakGlass: boolean
    readonly expiresAt: string
    /** How many requests may pass; absent for any number. */
    readonly usesMax?: number
  }
  readonly status: {
    readonly phase: GrantPhase
    readonly uses: number
    readonly lastUsedAt?: string
    readonly closedAt?: string
    readonly closedBy?: string
    readonly closingReason?: string
  }
}

/** What may be done about a request by who asks for it. */
export interface OffersObject {
  /** Narrowest first; empty when the user may not approve. */
  readonly approve: readonly ApprovalScope[]
  readonly deny: boolean
  readonly cancel: boolean
  readonly reasonRequired: boolean
  /** Why something is not offered; empty when all is. */
  readonly why: string
}

/** What exactly is to be sent, and what who reads it may do about it. */
export interface AccessRequestContentObject {
  readonly apiVersion: typeof ACCESS_API_VERSION
  readonly kind: 'AccessRequestContent'
  readonly metadata: AccessObjectMeta
  /** The text whose SHA-256 is `digest`: RFC 8785 JSON of method, target, chain and the body's digest. */
  readonly canonical: string
  readonly digest: string
  readonly body: {
    /** `text` is UTF-8; `base64` is what is not. */
    readonly encoding: 'text' | 'base64'
    readonly value: string
    readonly bytes: number
    readonly sha256: string
  }
  readonly offers: OffersObject
}

/** Body of `approve`. */
export interface ApproveBody {
  readonly digest: string
  readonly scope: ApprovalScope
  readonly reason?: string
}
