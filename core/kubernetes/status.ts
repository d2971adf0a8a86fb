import { escapeText, escapeTexts } from '../escape-text.ts'
import { FAULTS, type Fault } from '../fault.ts'

/** One machine-readable fact of a refusal: kind, where it was found, value. */
export interface StatusCause {
  readonly reason: string
  readonly field: string
  readonly message: string
}

/** The Kubernetes error object (meta/v1 Status), as every API client reads it. */
export interface Status {
  readonly kind: 'Status'
  readonly apiVersion: 'v1'
  readonly metadata: Record<string, never>
  readonly status: 'Failure'
  readonly message: string
  readonly reason: string
  readonly details?: StatusDetails
  readonly code: number
}

export interface StatusDetails {
  readonly name?: string
  readonly group?: string
  readonly kind?: string
  readonly causes?: readonly StatusCause[]
  readonly retryAfterSeconds?: number
}

/**
 * A failure `Status`; `code` is the HTTP status and must be sent as such too. Messages hold names and
 * paths that strangers chose, and end in terminals: they are escaped.
 */
export function failureStatus(
  code: number,
  reason: string,
  message: string,
  details?: StatusDetails,
): Status {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: escapeText(message),
    reason,
    ...(details === undefined ? {} : { details: escapeTexts(details) }),
    code,
  }
}

/** Seconds that a caller is asked to wait when a retry can help. */
export const RETRY_AFTER_SECONDS = 2

/** The `Status` that a caller gets for a fault; the cause stays in the log. */
export function faultStatus(fault: Fault): Status {
  const row = FAULTS[fault.code]
  const causes = [{ reason: 'LanyardFault', field: 'code', message: fault.code }]
  const details = row.retry ? { causes, retryAfterSeconds: RETRY_AFTER_SECONDS } : { causes }
  return failureStatus(row.httpStatus, row.reason, fault.message, details)
}
