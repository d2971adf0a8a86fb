import type {
  AccessGrant,
  AccessRequest,
  RequestPhase,
} from '../../core/approvals/access-request.ts'
import type { ApprovalScope } from '../../core/approvals/approval.ts'
import type { NewAuditEvent } from './audit-event-store.ts'

export interface AccessRequestFilter {
  /** Of the calling pod. */
  readonly namespace?: string
  readonly pod?: string
  readonly rootRequester?: string
}

/** A request before the store has given it a revision. */
export type NewAccessRequest = Omit<AccessRequest, 'revision'>
export type NewAccessGrant = Omit<AccessGrant, 'revision'>

/** What changed, as it is now; what is `gone` was removed after its time, and stands here as it was. */
export type ChangedAccess = {
  readonly revision: number
  readonly id: string
  readonly gone?: true
} & (
  | { readonly kind: 'request'; readonly request: AccessRequest }
  | { readonly kind: 'grant'; readonly grant: AccessGrant }
)

/** By which a grant is found for a request. */
export interface GrantKey {
  readonly scope: ApprovalScope
  /** Of the scope: core/approvals/request-digest.ts makes it. */
  readonly key: string
}

/** How many requests are pending. */
export interface PendingCounts {
  readonly ofRoot: number
  readonly inNamespace: number
  readonly all: number
}

/**
 * Requests and their grants. What is written is on disk when the promise resolves, together with its record in the
 * log; every method may throw `audit_unavailable`. Reads are immediate.
 */
export interface AccessRequestStore {
  /** Undefined when there is none. */
  get(id: string): AccessRequest | undefined
  grant(id: string): AccessGrant | undefined
  /**
   * The body that is approved, empty for a request without one; undefined when there is no such request, and once it
   * has expired or was cancelled.
   */
  body(id: string): Buffer | undefined
  /** Newest last, after `afterId`, at most `limit`; only pending ones with `pendingOnly`. */
  list(
    filter: AccessRequestFilter & { readonly pendingOnly?: boolean },
    afterId: string,
    limit: number,
  ): readonly AccessRequest[]
  grants(filter: AccessRequestFilter, afterId: string, limit: number): readonly AccessGrant[]
  /** The pending request for these bytes. */
  findPending(digest: string): AccessRequest | undefined
  /** The newest request for these bytes that was closed after `sinceMs` in one of these phases. */
  findClosed(digest: string, phase: RequestPhase, sinceMs: number): AccessRequest | undefined
  /** Grants that may let a request through, of any of the keys: neither used up nor closed. */
  findGrants(keys: readonly GrantKey[]): readonly AccessGrant[]
  pending(rootRequester: string, namespace: string): PendingCounts
  /** Requests and grants whose time is over at `nowMs` and that say nothing of it yet; at most `limit` of each. */
  due(
    nowMs: number,
    limit: number,
  ): {
    readonly requests: readonly AccessRequest[]
    readonly grants: readonly AccessGrant[]
  }
  /** When the next one will be due; undefined when nothing waits. */
  nextDueMs(): number | undefined
  /**
   * Keeps a new request with its body, unless one for the same bytes is pending: then that one. `check` is asked in
   * the same transaction, and what it throws is thrown.
   */
  open(request: NewAccessRequest, body: Buffer, check: () => void): Promise<AccessRequest>
  /**
   * Replaces a pending request as `change` says, and keeps the grant that it makes. Undefined when `change` finds that
   * nothing is to be done; what it throws is thrown. It runs in the transaction, over what is there then.
   */
  change(id: string, change: RequestChange): Promise<AccessRequest | undefined>
  /** The same for a grant. */
  changeGrant(
    id: string,
    change: (grant: AccessGrant) => AccessGrant | undefined,
  ): Promise<AccessGrant | undefined>
  /**
   * Puts an allow on record that rests on a grant, and counts the grant as used, in one transaction: false, and
   * nothing of it, when the grant cannot be used any more.
   */
  use(grantId: string, event: NewAuditEvent, nowMs: number): Promise<boolean>
  /** Highest revision. */
  revision(): number
  /** Up to which revision removals are no longer known. */
  forgottenUntil(): number
  /** What changed after a revision, oldest first; undefined when that is no longer known. */
  changesAfter(revision: number, limit: number): readonly ChangedAccess[] | undefined
  /** Calls back after a change; returns the way to stop. */
  onChange(listener: () => void): () => void
  /** Removes what was closed before; at most `limit` requests. Resolves with how many went. */
  removeClosed(beforeMs: number, limit: number): Promise<number>
}

/** What a change makes of a request: itself, and the grant with the keys by which it is found. */
export type RequestChange = (request: AccessRequest) =>
  | {
      readonly request: AccessRequest
      readonly grant?: { readonly grant: NewAccessGrant; readonly key: GrantKey }
    }
  | undefined
