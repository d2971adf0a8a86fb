import { failureStatus } from '../../core/kubernetes/status.ts'
import type { Answer } from '../answer/answer.ts'
import type { Permit } from '../judgement/authorize.ts'
import type { Revoked } from '../judgement/authorizer.ts'

/**
 * Tells a caller that what allowed its request no longer does: 403, or 503 when nobody could tell in
 * time. `sent` says that the API server may have got the request, so that no client may try again by
 * itself: neither answer has Retry-After, which client-go waits for.
 */
export function revokedAnswer(
  { decisionId }: Permit,
  { code, message }: Revoked,
  sent: boolean,
): Answer {
  const reached = sent
    ? 'the request had been sent and may have been carried out: look before you try again'
    : 'the request was not sent'
  const why =
    code === 'permission_denied'
      ? `What allowed this request no longer does: ${message}`
      : `Nobody can tell whether this request is still allowed: ${message}`
  const text = `${why}; ${reached} [decision ${decisionId}]`
  const status =
    code === 'permission_denied'
      ? failureStatus(403, 'Forbidden', text)
      : failureStatus(503, 'ServiceUnavailable', text)
  return { status, decisionId }
}
