/** Every way in which a process can fail to do its work, and what each wire says about it. */
export const FAULTS = {
  request_invalid: {
    httpStatus: 400,
    reason: 'BadRequest',
    grpc: 'INVALID_ARGUMENT',
    retry: false,
  },
  identity_unverified: {
    httpStatus: 401,
    reason: 'Unauthorized',
    grpc: 'UNAUTHENTICATED',
    retry: false,
  },
  permission_denied: {
    httpStatus: 403,
    reason: 'Forbidden',
    grpc: 'PERMISSION_DENIED',
    retry: false,
  },
  chain_unknown: { httpStatus: 403, reason: 'Forbidden', grpc: 'NOT_FOUND', retry: false },
  not_found: { httpStatus: 404, reason: 'NotFound', grpc: 'NOT_FOUND', retry: false },
  binding_conflict: { httpStatus: 409, reason: 'Conflict', grpc: 'ALREADY_EXISTS', retry: false },
  not_acceptable: {
    httpStatus: 406,
    reason: 'NotAcceptable',
    grpc: 'FAILED_PRECONDITION',
    retry: false,
  },
  request_too_large: {
    httpStatus: 413,
    reason: 'RequestEntityTooLarge',
    grpc: 'RESOURCE_EXHAUSTED',
    retry: false,
  },
  overloaded: {
    httpStatus: 429,
    reason: 'TooManyRequests',
    grpc: 'RESOURCE_EXHAUSTED',
    retry: true,
  },
  decision_unavailable: {
    httpStatus: 503,
    reason: 'ServiceUnavailable',
    grpc: 'UNAVAILABLE',
    retry: true,
  },
  decision_timeout: { httpStatus: 504, reason: 'Timeout', grpc: 'DEADLINE_EXCEEDED', retry: true },
  upstream_unavailable: {
    httpStatus: 503,
    reason: 'ServiceUnavailable',
    grpc: 'UNAVAILABLE',
    retry: true,
  },
  // The API server broke off, or answered with what must not reach a caller, such as a redirect.
  upstream_failed: {
    httpStatus: 502,
    reason: 'BadGateway',
    grpc: 'UNAVAILABLE',
    retry: false,
  },
  audit_unavailable: {
    httpStatus: 503,
    reason: 'ServiceUnavailable',
    grpc: 'UNAVAILABLE',
    retry: true,
  },
  config_invalid: {
    httpStatus: 500,
    reason: 'InternalError',
    grpc: 'FAILED_PRECONDITION',
    retry: false,
  },
  internal: { httpStatus: 500, reason: 'InternalError', grpc: 'INTERNAL', retry: false },
} as const

export type FaultCode = keyof typeof FAULTS

/**
 * Something that could not be done. Not a denial (that is a `Decision`) and not a bug (that is an
 * `AssertionError`). `message` reaches callers, so it holds no secret; `cause` reaches only the log.
 */
export class Fault extends Error {
  override readonly name = 'Fault'
  readonly code: FaultCode

  constructor(code: FaultCode, message: string, options?: { readonly cause: unknown }) {
    super(message, options)
    this.code = code
  }

  /** The only door from an unknown error to a known one; what it said stays inside `cause`. */
  static from(error: unknown): Fault {
    if (error instanceof Fault) return error
    return new Fault('internal', 'Cannot complete the request', { cause: error })
  }
}
