import type { UserInfo } from '../kubernetes/user-info.ts'
import type { AccessGrant, AccessRequest, ApprovalReview, HeldRule } from './access-request.ts'
import { type ApprovalScope, isWithin, SCOPES } from './approval.ts'
import { mayCancel, standingOf } from './may-review.ts'
import { isSamePerson } from './same-person.ts'

/** Why a change is not made: `conflict` for its state, `forbidden` for its author, `invalid` for what was said. */
export interface Unchanged {
  readonly code: 'conflict' | 'forbidden' | 'invalid'
  readonly message: string
}

/** What somebody says about a request. */
export interface ReviewInput {
  readonly answer: ApprovalReview['answer']
  readonly by: UserInfo
  /** Empty when none is given. */
  readonly reason: string
  /** Of the request that was shown. */
  readonly digest: string
  readonly scope: ApprovalScope
}

export type Reviewed =
  | { readonly refused: Unchanged }
  | {
      readonly refused?: undefined
      readonly request: AccessRequest
      readonly grant?: Omit<AccessGrant, 'revision'>
    }

/**
 * The request after an answer, with its grant when that was the last approval that it takes. Whatever the request has
 * become before is not changed. `grantId` is the id of a grant that may come of it.
 */
export function review(
  request: AccessRequest,
  input: ReviewInput,
  nowMs: number,
  grantId: string,
): Reviewed {
  const closed = whyClosed(request, nowMs)
  if (closed !== undefined) return { refused: closed }
  if (input.digest !== request.digest) {
    const message = 'what was shown is not what would be sent; look at the request again'
    return { refused: { code: 'conflict', message } }
  }
  const standing = standingOf(input.by, request.held, request.rules)
  if (!standing.may) return { refused: { code: 'forbidden', message: standing.why } }
  const { answer, by, reason, scope } = input
  const reviews = [...request.reviews, { answer, by, reason, scope, atMs: nowMs }]
  if (answer === 'deny') {
    const closing = { atMs: nowMs, by: by.username, reason }
    return { request: { ...request, phase: 'Denied', reviews, closing } }
  }
  const unfit = whyUnfit(request, input, standing.rules, standing.breakGlass)
  if (unfit !== undefined) return { refused: unfit }
  const approved = { ...request, reviews }
  if (!standing.breakGlass && !isEnough(approved)) return { request: approved }
  return granted(approved, standing.breakGlass, nowMs, grantId)
}

function whyClosed({ phase, closing, expiresAtMs }: AccessRequest, nowMs: number) {
  if (phase !== 'Pending') {
    const by = closing === undefined || closing.by === '' ? '' : ` by ${closing.by}`
    return { code: 'conflict' as const, message: `the request is ${phase} already${by}` }
  }
  if (nowMs < expiresAtMs) return undefined
  const message = 'the time to answer the request is over; have it sent again'
  return { code: 'conflict' as const, message }
}

function whyUnfit(
  { reviews, rules }: AccessRequest,
  { by, reason, scope }: ReviewInput,
  counting: readonly HeldRule[],
  breakGlass: boolean,
): Unchanged | undefined {
  const widest = widestScope(rules)
  if (!isWithin(scope, widest)) {
    const message = `the scope ${scope} is wider than the policy has it; approve at most ${widest}`
    return { code: 'invalid', message }
  }
  if (reason === '' && (breakGlass || counting.some(({ approval }) => approval.requireReason))) {
    return { code: 'invalid', message: 'the policy requires a reason; say why' }
  }
  if (reviews.some((earlier) => isSamePerson(earlier.by, by))) {
    const message = `${by.username} has approved it already, maybe by another name; another person is needed`
    return { code: 'conflict', message }
  }
  return undefined
}

/** The widest scope that every rule lets be approved. */
export function widestScope(rules: readonly HeldRule[]): ApprovalScope {
  if (rules.length === 0) return 'request'
  const all = SCOPES.filter((scope) =>
    rules.every(({ approval }) => isWithin(scope, approval.widestScope)),
  )
  return all.at(-1) ?? 'request'
}

/** How many more people a rule needs; 0 when it has enough. Each counts once, for the rules that name them. */
export function missingApprovals({ reviews, held }: AccessRequest, rule: HeldRule): number {
  // Held back by another rule too, whose approvers are more than the requester's own word.
  if (rule.approval.self) return reviews.length > 0 ? 0 : 1
  const counting = reviews.filter(
    ({ answer, by }) => answer === 'approve' && standingOf(by, held, [rule]).may,
  )
  return Math.max(0, rule.approval.minimum - counting.length)
}

/** Without a rule there is nothing that an approval could be enough for. */
function isEnough(request: AccessRequest): boolean {
  const { rules } = request
  return rules.length > 0 && rules.every((rule) => missingApprovals(request, rule) === 0)
}

function granted(
  request: AccessRequest,
  breakGlass: boolean,
  nowMs: number,
  grantId: string,
): Reviewed {
  const { held, rules, reviews } = request
  const last = reviews.at(-1)
  const scope = SCOPES.find((one) => reviews.some((given) => given.scope === one)) ?? 'request'
  const durationMs = Math.min(...rules.map(({ approval }) => approval.durationMs))
  const grant = {
    ...{ id: grantId, requestId: request.id, scope, breakGlass },
    namespace: held.caller.namespace,
    pod: held.caller.name,
    rootRequester: held.chain.rootRequester.username,
    rules: rules.map(({ name }) => name),
    approvedBy: reviews.map(({ by }) => by.username),
    createdAtMs: nowMs,
    expiresAtMs: nowMs + durationMs,
    usesMax: scope === 'request' ? 1 : 0,
    uses: 0,
    phase: 'Active' as const,
  }
  const closing = { atMs: nowMs, by: last?.by.username ?? '', reason: last?.reason ?? '' }
  return { request: { ...request, phase: 'Approved', closing, grantId }, grant }
}

/** Withdrawn by a requester. */
export function cancel(
  request: AccessRequest,
  by: UserInfo,
  reason: string,
  nowMs: number,
): Reviewed {
  const closed = whyClosed(request, nowMs)
  if (closed !== undefined) return { refused: closed }
  if (!mayCancel(by, request.held)) {
    const message = `only a requester of its chain cancels a request; ${by.username} may deny it as an approver`
    return { refused: { code: 'forbidden', message } }
  }
  const closing = { atMs: nowMs, by: by.username, reason }
  return { request: { ...request, phase: 'Cancelled', closing } }
}

/** Expired, if it is pending and its time is over; else undefined. */
export function expire(request: AccessRequest, nowMs: number): AccessRequest | undefined {
  if (request.phase !== 'Pending' || nowMs < request.expiresAtMs) return undefined
  const closing = { atMs: nowMs, by: '', reason: 'nobody answered in time' }
  return { ...request, phase: 'Expired', closing }
}

/** Whether a grant lets one more request through. */
export function isUsable({ phase, expiresAtMs }: AccessGrant, nowMs: number): boolean {
  return phase === 'Active' && nowMs < expiresAtMs
}

/** Whether what a grant has opened may stay open. */
export function isAlive({ phase, expiresAtMs }: AccessGrant, nowMs: number): boolean {
  return (phase === 'Active' || phase === 'Used') && nowMs < expiresAtMs
}

/** The grant after one more request; undefined when it lets none through. */
export function use(grant: AccessGrant, nowMs: number): AccessGrant | undefined {
  if (!isUsable(grant, nowMs)) return undefined
  const uses = grant.uses + 1
  const isUsedUp = grant.usesMax > 0 && uses >= grant.usesMax
  return { ...grant, uses, lastUsedAtMs: nowMs, phase: isUsedUp ? 'Used' : 'Active' }
}

/** Expired, if it is alive no longer and says nothing of it yet; else undefined. */
export function expireGrant(grant: AccessGrant, nowMs: number): AccessGrant | undefined {
  if (grant.phase === 'Expired' || grant.phase === 'Revoked' || nowMs < grant.expiresAtMs) {
    return undefined
  }
  return {
    ...grant,
    phase: 'Expired',
    closing: { atMs: nowMs, by: '', reason: 'its time is over' },
  }
}

/** Revoked; undefined when nothing of it is alive. */
export function revoke(
  grant: AccessGrant,
  by: string,
  reason: string,
  nowMs: number,
): AccessGrant | undefined {
  if (!isAlive(grant, nowMs)) return undefined
  return { ...grant, phase: 'Revoked', closing: { atMs: nowMs, by, reason } }
}
