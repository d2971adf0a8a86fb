import type { MessageInitShape } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import type {
  AccessGrant,
  AccessRequest,
  ApprovalReview,
  GrantPhase,
  HeldRule,
  RequestPhase,
} from '../../core/approvals/access-request.ts'
import type { ApprovalScope } from '../../core/approvals/approval.ts'
import { Fault } from '../../core/fault.ts'
import { actorToMessage, chainToMessage } from '../../proto/chain-message.ts'
import {
  AccessGrantPhase,
  type AccessGrantSchema,
  AccessRequestPhase,
  type AccessRequestSchema,
  type AccessReviewSchema,
  type HeldRuleSchema,
  ApprovalScope as ScopeMessage,
} from '../../proto/gen/lanyard/v1/review_pb.ts'
import { attributesToMessage } from '../../proto/question-message.ts'

const SCOPES: Readonly<Record<ApprovalScope, ScopeMessage>> = {
  request: ScopeMessage.REQUEST,
  command: ScopeMessage.COMMAND,
  rule: ScopeMessage.RULE,
}

const REQUEST_PHASES: Readonly<Record<RequestPhase, AccessRequestPhase>> = {
  Pending: AccessRequestPhase.PENDING,
  Approved: AccessRequestPhase.APPROVED,
  Denied: AccessRequestPhase.DENIED,
  Cancelled: AccessRequestPhase.CANCELLED,
  Expired: AccessRequestPhase.EXPIRED,
}

const GRANT_PHASES: Readonly<Record<GrantPhase, AccessGrantPhase>> = {
  Active: AccessGrantPhase.ACTIVE,
  Used: AccessGrantPhase.USED,
  Expired: AccessGrantPhase.EXPIRED,
  Revoked: AccessGrantPhase.REVOKED,
}

/** A scope as it goes over gRPC. */
export function scopeToMessage(scope: ApprovalScope): ScopeMessage {
  return SCOPES[scope]
}

/** Throws `request_invalid` for a scope that was not given, or that this version does not know. */
export function scopeFromMessage(message: ScopeMessage): ApprovalScope {
  const found = Object.entries(SCOPES).find(([, value]) => value === message)?.[0]
  if (found !== undefined) return found as ApprovalScope
  throw new Fault('request_invalid', 'The scope is REQUEST, COMMAND or RULE, and must be given')
}

/** A request as it goes over gRPC, without its body. */
export function accessRequestToMessage(
  request: AccessRequest,
): MessageInitShape<typeof AccessRequestSchema> {
  const { id, held, canonical, digest, rules, reason, decisionId, phase, reviews } = request
  const { closing } = request
  return {
    ...{ id, canonical, digest, reason, decisionId },
    namespace: held.caller.namespace,
    caller: actorToMessage(held.caller),
    chain: chainToMessage(held.chain),
    attributes: attributesToMessage(held.attributes),
    rules: rules.map(ruleToMessage),
    createdAt: timestampFromMs(request.createdAtMs),
    expiresAt: timestampFromMs(request.expiresAtMs),
    phase: REQUEST_PHASES[phase],
    reviews: reviews.map(reviewToMessage),
    ...(closing === undefined
      ? {}
      : {
          closedAt: timestampFromMs(closing.atMs),
          closedBy: closing.by,
          closingReason: closing.reason,
        }),
    grantId: request.grantId ?? '',
    bodyBytes: BigInt(held.bodyBytes),
    bodySha256: held.bodySha256,
  }
}

/** A grant as it goes over gRPC. */
export function accessGrantToMessage(
  grant: AccessGrant,
): MessageInitShape<typeof AccessGrantSchema> {
  const { id, requestId, scope, namespace, pod, rootRequester, rules, approvedBy } = grant
  return {
    ...{ id, requestId, namespace, pod, rootRequester },
    scope: SCOPES[scope],
    rules: [...rules],
    approvedBy: [...approvedBy],
    breakGlass: grant.breakGlass,
    createdAt: timestampFromMs(grant.createdAtMs),
    expiresAt: timestampFromMs(grant.expiresAtMs),
    usesMax: grant.usesMax,
    uses: grant.uses,
    phase: GRANT_PHASES[grant.phase],
    closedBy: grant.closing?.by ?? '',
  }
}

function ruleToMessage({
  name,
  principal,
  approval,
}: HeldRule): MessageInitShape<typeof HeldRuleSchema> {
  const { approvers, self, minimum, requireReason, widestScope, durationMs } = approval
  return {
    ...{ name, principal, minimum },
    approvers: approvers.map((approver) => ({ ...approver })),
    breakGlass: self,
    reasonRequired: requireReason,
    widestScope: SCOPES[widestScope],
    durationSeconds: BigInt(Math.floor(durationMs / 1_000)),
  }
}

function reviewToMessage({
  answer,
  by,
  atMs,
  reason,
  scope,
}: ApprovalReview): MessageInitShape<typeof AccessReviewSchema> {
  const approved = answer === 'approve'
  return {
    ...{ approved, by: by.username, at: timestampFromMs(atMs), reason },
    scope: approved ? SCOPES[scope] : ScopeMessage.UNSPECIFIED,
  }
}
