import type {
  AccessGrant,
  AccessRequest,
  ApprovalReview,
} from '../../core/approvals/access-request.ts'
import { type ApprovalScope, isWithin, SCOPES } from '../../core/approvals/approval.ts'
import { mayCancel, standingOf } from '../../core/approvals/may-review.ts'
import { grantKey } from '../../core/approvals/request-digest.ts'
import {
  cancel,
  isAlive,
  type Reviewed,
  review,
  revoke,
  type Unchanged,
  widestScope,
} from '../../core/approvals/request-life.ts'
import { isSamePerson } from '../../core/approvals/same-person.ts'
import type { UserInfo } from '../../core/kubernetes/user-info.ts'
import type { AccessRequestStore, RequestChange } from '../store/access-request-store.ts'
import { cleanReason } from './clean-reason.ts'

/** What somebody says about a request. */
export interface ReviewAnswer {
  /** As kube-apiserver knows them: with uid, groups and extra. */
  readonly by: UserInfo
  /** Empty when none was given; bounded here. */
  readonly reason: string
  /** `digest` of the request that was shown. An answer to anything else is a conflict. */
  readonly digest: string
}

export interface Approve extends ReviewAnswer {
  readonly scope: ApprovalScope
}

/** Why nothing was done. The message is for people, and says what to do instead. */
export interface NotDone {
  readonly ok: false
  /** `conflict`: it is in another state, or other bytes were seen. `forbidden`: this person may not. */
  readonly code: 'not_found' | 'conflict' | 'forbidden' | 'invalid'
  readonly message: string
}

/** The request as it is now: an approval that is not the last one leaves it `Pending`. */
export type ReviewOutcome =
  | { readonly ok: true; readonly request: AccessRequest; readonly grant?: AccessGrant }
  | NotDone

export type RevokeOutcome = { readonly ok: true; readonly grant: AccessGrant } | NotDone

/** What people may do about one request; nothing is offered that would fail. */
export interface Offers {
  /** Scopes that this person may approve now, narrowest first; empty when none. */
  readonly scopes: readonly ApprovalScope[]
  readonly mayDeny: boolean
  readonly mayCancel: boolean
  /** Why neither approving nor denying, for people; empty when they may. */
  readonly why: string
  readonly reasonRequired: boolean
}

/** The people's side of approvals; RBAC is asked before, by whoever offers it. Faults: `audit_unavailable`. */
export interface Approvals {
  /** Reads: lists, single ones, bodies, changes. */
  readonly store: Pick<
    AccessRequestStore,
    | 'get'
    | 'grant'
    | 'body'
    | 'list'
    | 'grants'
    | 'revision'
    | 'forgottenUntil'
    | 'changesAfter'
    | 'onChange'
  >
  offers(request: AccessRequest, user: UserInfo): Offers
  approve(id: string, answer: Approve): Promise<ReviewOutcome>
  /** Final, whoever approved before. */
  deny(id: string, answer: ReviewAnswer): Promise<ReviewOutcome>
  /** For the requesters of the chain. */
  cancel(id: string, answer: Omit<ReviewAnswer, 'digest'>): Promise<ReviewOutcome>
  /** Ends a grant, and within 2 seconds what it opened. */
  revoke(grantId: string, answer: Omit<ReviewAnswer, 'digest'>): Promise<RevokeOutcome>
}

export interface ApprovalsDeps {
  readonly store: AccessRequestStore
  /** A new ULID in lower case. */
  readonly newId: (nowMs: number) => string
  readonly now: () => number
  /** A requester has approved for themself: somebody is to hear of it. */
  readonly onBreakGlass?: (grant: AccessGrant) => void
}

/** Each answer is judged in the transaction that keeps it, over what is there then: one of two that race wins. */
export function createApprovals({ store, newId, now, onBreakGlass }: ApprovalsDeps): Approvals {
  async function change(
    id: string,
    make: (request: AccessRequest, nowMs: number) => Reviewed,
  ): Promise<ReviewOutcome> {
    let refused: Unchanged | undefined
    const apply: RequestChange = (request) => {
      const reviewed = make(request, now())
      refused = reviewed.refused
      if (reviewed.refused !== undefined) return undefined
      const { grant } = reviewed
      if (grant === undefined) return { request: reviewed.request }
      const key = grantKey(grant.scope, request.digest, request.held, request.rules)
      return { request: reviewed.request, grant: { grant, key: { scope: grant.scope, key } } }
    }
    const request = await store.change(id, apply)
    if (request !== undefined) {
      const grant = request.grantId === undefined ? undefined : store.grant(request.grantId)
      if (grant?.breakGlass === true) onBreakGlass?.(grant)
      return { ok: true, request, ...(grant === undefined ? {} : { grant }) }
    }
    if (refused !== undefined) return { ok: false, ...refused }
    return { ok: false, code: 'not_found', message: `there is no access request ${id}` }
  }

  function answer(
    id: string,
    word: ApprovalReview['answer'],
    given: ReviewAnswer,
    scope: ApprovalScope,
  ) {
    const { by, digest } = given
    const said = { answer: word, by, digest, scope, reason: cleanReason(given.reason) }
    return change(id, (request, nowMs) => review(request, said, nowMs, newId(nowMs)))
  }

  return {
    store,
    offers: (request, user) => offersOf(request, user, now()),
    approve: (id, given) => answer(id, 'approve', given, given.scope),
    deny: (id, given) => answer(id, 'deny', given, 'request'),
    cancel: (id, { by, reason }) =>
      change(id, (request, nowMs) => cancel(request, by, cleanReason(reason), nowMs)),
    async revoke(grantId, { by, reason }) {
      const grant = await store.changeGrant(grantId, (one) =>
        revoke(one, by.username, cleanReason(reason), now()),
      )
      if (grant !== undefined) return { ok: true, grant }
      const found = store.grant(grantId)
      if (found === undefined)
        return { ok: false, code: 'not_found', message: `there is no access grant ${grantId}` }
      const phase = isAlive(found, now())
        ? found.phase
        : `${found.phase}, and nothing of it is open`
      return { ok: false, code: 'conflict', message: `the grant is ${phase} already` }
    },
  }
}

function offersOf(request: AccessRequest, user: UserInfo, nowMs: number): Offers {
  const { phase, expiresAtMs, held, rules, reviews } = request
  const none = { scopes: [], mayDeny: false, mayCancel: false, reasonRequired: false }
  if (phase !== 'Pending' || nowMs >= expiresAtMs) {
    const state = phase === 'Pending' ? 'Expired' : phase
    return { ...none, why: `the request is ${state} already` }
  }
  const cancels = mayCancel(user, held)
  const standing = standingOf(user, held, rules)
  if (!standing.may) return { ...none, mayCancel: cancels, why: standing.why }
  const before = reviews.some(({ by }) => isSamePerson(by, user))
  const widest = widestScope(rules)
  return {
    scopes: before ? [] : SCOPES.filter((scope) => isWithin(scope, widest)),
    mayDeny: true,
    mayCancel: cancels,
    why: '',
    reasonRequired:
      standing.breakGlass || standing.rules.some(({ approval }) => approval.requireReason),
  }
}
