import type { AccessChange, AccessChangeName } from '../audit/audit-event.ts'
import type { AccessGrant, AccessRequest, RequestPhase } from './access-request.ts'

type Grant = Omit<AccessGrant, 'revision'>

/** Approvals have records of their own, by each of those who approve. */
const CLOSINGS: Readonly<Partial<Record<RequestPhase, AccessChangeName>>> = {
  Denied: 'denied',
  Cancelled: 'cancelled',
  Expired: 'expired',
}

/** What goes on record when a request was made (`before` is undefined) or changed, in order. */
export function requestChanges(
  before: AccessRequest | undefined,
  after: AccessRequest,
  grant?: Grant,
): readonly AccessChange[] {
  if (before === undefined) {
    const { createdAtMs, reason } = after
    return [about(after, 'requested', { atMs: createdAtMs, reason })]
  }
  const approvals = after.reviews
    .slice(before.reviews.length)
    .filter(({ answer }) => answer === 'approve')
    .map(({ by, atMs, reason, scope }) =>
      about(after, 'approved', { atMs, reason, scope, by: by.username }),
    )
  const { closing } = after
  const closed = CLOSINGS[after.phase]
  const ending =
    closing === undefined || closed === undefined ? [] : [about(after, closed, closing)]
  return [...approvals, ...ending, ...(grant === undefined ? [] : [granted(after, grant)])]
}

function granted(request: AccessRequest, grant: Grant): AccessChange {
  const { id: grantId, scope, breakGlass, createdAtMs: atMs } = grant
  const by = grant.approvedBy.at(-1) ?? ''
  return about(request, 'granted', { atMs, by, grantId, scope, breakGlass })
}

/** What goes on record when a grant was closed. Each use has the decision that it allowed, and no other record. */
export function grantChanged(request: AccessRequest, grant: AccessGrant): readonly AccessChange[] {
  const { id: grantId, phase, closing, scope, breakGlass } = grant
  if (closing === undefined) return []
  const change = phase === 'Revoked' ? 'revoked' : 'grant-expired'
  return [about(request, change, { ...closing, grantId, scope, breakGlass })]
}

function about(
  { id, digest }: AccessRequest,
  change: AccessChangeName,
  parts: Partial<AccessChange> & Pick<AccessChange, 'atMs'>,
): AccessChange {
  const nothing = { by: '', reason: '', grantId: '', scope: '', breakGlass: false }
  return { ...nothing, ...parts, requestId: id, change, digest }
}
