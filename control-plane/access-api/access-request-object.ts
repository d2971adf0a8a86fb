import { ACCESS_API_VERSION } from '../../api/objects/access-objects.ts'
import type {
  AccessGrantObject,
  AccessRequestContentObject,
  AccessRequestObject,
  ApprovalReviewObject,
  HeldRuleObject,
  OffersObject,
} from '../../api/objects/access-request-object.ts'
import type {
  AccessGrant,
  AccessRequest,
  ApprovalReview,
  Closing,
  HeldRequest,
  HeldRule,
} from '../../core/approvals/access-request.ts'
import { escapeTexts } from '../../core/escape-text.ts'
import { toDelegationChainObject, toRequester, toTime } from './access-object.ts'

/* What callers wrote ends in terminals, by kubectl's tables, YAML and jsonpath too: it is escaped here. */

/** A request as people read it. */
export function toAccessRequestObject(request: AccessRequest): AccessRequestObject {
  const { id, held, digest, rules, reason, decisionId, expiresAtMs, phase, grantId } = request
  return escapeTexts({
    apiVersion: ACCESS_API_VERSION,
    kind: 'AccessRequest',
    metadata: {
      ...{ name: id, namespace: held.caller.namespace, uid: id.toUpperCase() },
      resourceVersion: String(request.revision),
      creationTimestamp: toTime(request.createdAtMs),
    },
    spec: {
      ...toHeldSpec(held),
      digest,
      rules: rules.map(toRule),
      ...(reason === '' ? {} : { reason }),
      decision: decisionId.toLowerCase(),
      expiresAt: toTime(expiresAtMs),
    },
    status: {
      phase,
      reviews: request.reviews.map(toReview),
      ...toClosing(request.closing),
      ...(grantId === undefined ? {} : { grant: grantId }),
    },
  })
}

/** A grant as people read it. */
export function toAccessGrantObject(grant: AccessGrant): AccessGrantObject {
  const { id, requestId, scope, pod, rootRequester, rules, approvedBy, breakGlass } = grant
  const { phase, uses, usesMax, lastUsedAtMs } = grant
  return escapeTexts({
    apiVersion: ACCESS_API_VERSION,
    kind: 'AccessGrant',
    metadata: {
      ...{ name: id, namespace: grant.namespace, uid: id.toUpperCase() },
      resourceVersion: String(grant.revision),
      creationTimestamp: toTime(grant.createdAtMs),
    },
    spec: {
      ...{ request: requestId, scope, pod, rootRequester, rules, approvedBy, breakGlass },
      expiresAt: toTime(grant.expiresAtMs),
      ...(usesMax === 0 ? {} : { usesMax }),
    },
    status: {
      ...{ phase, uses },
      ...(lastUsedAtMs === undefined ? {} : { lastUsedAt: toTime(lastUsedAtMs) }),
      ...toClosing(grant.closing),
    },
  })
}

/**
 * What exactly is to be sent, as it is: who writes it into JSON escapes what a terminal would obey, so that its SHA-256
 * can be checked.
 */
export function toContentObject(
  { id, held, canonical, digest, revision, createdAtMs }: AccessRequest,
  body: Buffer,
  offers: OffersObject,
): AccessRequestContentObject {
  const text = body.toString('utf8')
  // A text that is not the same bytes again was no UTF-8.
  const isText = Buffer.from(text).equals(body)
  return {
    apiVersion: ACCESS_API_VERSION,
    kind: 'AccessRequestContent',
    metadata: {
      ...{ name: id, namespace: held.caller.namespace, uid: id.toUpperCase() },
      ...{ resourceVersion: String(revision), creationTimestamp: toTime(createdAtMs) },
    },
    canonical,
    digest,
    body: {
      encoding: isText ? 'text' : 'base64',
      value: isText ? text : body.toString('base64'),
      bytes: held.bodyBytes,
      sha256: held.bodySha256,
    },
    offers,
  }
}

function toHeldSpec(
  held: HeldRequest,
): Omit<AccessRequestObject['spec'], 'digest' | 'rules' | 'reason' | 'decision' | 'expiresAt'> {
  const { caller, container, chain, attributes, impersonated, object } = held
  const { verb, alsoVerbs, apiGroup, resource, subresource, namespace, name, path } = attributes
  const { exec, portForward } = attributes
  return {
    ...{ pod: caller.name, podUid: caller.podUid, container },
    serviceAccount: caller.serviceAccount,
    rootRequester: chain.rootRequester.username,
    chain: toDelegationChainObject(chain),
    ...(impersonated === undefined ? {} : { impersonatedUser: toRequester(impersonated) }),
    ...{ verb, alsoVerbs, apiGroup, resource, subresource, namespace, name, path },
    ...(exec === undefined ? {} : { exec }),
    ...(portForward === undefined ? {} : { portForward }),
    ...{ method: held.method, target: held.target, contentType: held.contentType },
    ...{ bodyBytes: held.bodyBytes, bodySha256: held.bodySha256 },
    ...(object === undefined
      ? {}
      : { object: { uid: object.uid, resourceVersion: object.resourceVersion } }),
  }
}

function toRule({ name, principal, approval }: HeldRule): HeldRuleObject {
  const { approvers, self, minimum, requireReason, widestScope, durationMs } = approval
  return {
    ...{ name, principal, minimum, widestScope },
    approvers: approvers.map((approver) => ({ kind: approver.kind, name: approver.name })),
    breakGlass: self,
    reasonRequired: requireReason,
    durationSeconds: Math.floor(durationMs / 1_000),
  }
}

function toReview({ answer, by, atMs, scope, reason }: ApprovalReview): ApprovalReviewObject {
  return {
    answer: answer === 'approve' ? 'Approve' : 'Deny',
    by: by.username,
    at: toTime(atMs),
    ...(answer === 'approve' ? { scope } : {}),
    ...(reason === '' ? {} : { reason }),
  }
}

function toClosing(
  closing: Closing | undefined,
): Pick<AccessRequestObject['status'], 'closedAt' | 'closedBy' | 'closingReason'> {
  if (closing === undefined) return {}
  const { atMs, by, reason } = closing
  return {
    closedAt: toTime(atMs),
    ...(by === '' ? {} : { closedBy: by }),
    ...(reason === '' ? {} : { closingReason: reason }),
  }
}
