import { failureStatus } from '../../core/kubernetes/status.ts'
import type { Answer } from '../answer/answer.ts'
import type { Permit } from '../judgement/authorize.ts'

/**
 * Tells a caller that what allowed its request no longer does; `sent` says that the API server may
 * have got the request.
 */
export function revokedAnswer({ decisionId }: Permit, why: string, sent: boolean): Answer {
  const reached = sent
    ? 'the request had been sent and may have been carried out: look before you try again'
    : 'the request was not sent'
  const message = `What allowed this request no longer does: ${why}; ${reached} [decision ${decisionId}]`
  return { status: failureStatus(403, 'Forbidden', message), decisionId }
}
