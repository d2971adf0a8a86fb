import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { FAULTS, Fault, type FaultCode } from '../core/fault.ts'
import { LANYARD_GROUP } from '../core/names.ts'
import { ErrorInfoSchema, StatusDetailsSchema } from './gen/lanyard/v1/fault_pb.ts'

/*
 * Faults on the wire, and back. Two codes can share a gRPC code, so the code itself goes along as
 * google.rpc.ErrorInfo. A peer that knows no details reads the gRPC code and the message, as before.
 */

const DETAILS = 'grpc-status-details-bin'
/** The message stands in the trailer grpc-message too, and both must fit into one head. */
const DETAILS_MESSAGE_MAX = 1_024
const ERROR_INFO = 'type.googleapis.com/google.rpc.ErrorInfo'

/** A fault as gRPC says it. The cause stays in the log. */
export function toServiceError(fault: Fault): Partial<ServiceError> {
  const code = status[FAULTS[fault.code].grpc]
  const info = create(ErrorInfoSchema, {
    reason: fault.code.toUpperCase(),
    domain: LANYARD_GROUP,
  })
  const details = create(StatusDetailsSchema, {
    code,
    message: fault.message.slice(0, DETAILS_MESSAGE_MAX),
    details: [{ typeUrl: ERROR_INFO, value: toBinary(ErrorInfoSchema, info) }],
  })
  const metadata = new Metadata()
  metadata.set(DETAILS, Buffer.from(toBinary(StatusDetailsSchema, details)))
  return { code, details: fault.message, metadata }
}

/**
 * The fault that a failed call stands for, with the error as its cause. Without details, as from an
 * older peer, the code is the one that its gRPC code usually stands for. Undefined for an error that
 * no handler of Lanyard raised: nobody answered, or what answered is something else.
 */
export function fromServiceError(error: ServiceError): Fault | undefined {
  const code = codeInDetails(error) ?? USUAL_CODES[error.code]
  return code === undefined ? undefined : new Fault(code, error.details, { cause: error })
}

/**
 * The fault of a code that came as text; `fallback` for a code that is not among `accepted`. What a
 * peer may say is up to its client: a 401 of a control plane is none of its caller's.
 */
export function relayedFault(
  code: string,
  message: string,
  accepted: ReadonlySet<FaultCode>,
  fallback: FaultCode,
): Fault {
  const known = isFaultCode(code) && accepted.has(code) ? code : fallback
  return new Fault(known, message)
}

/**
 * What a gRPC code stands for where nothing else is said. UNAVAILABLE, DEADLINE_EXCEEDED and CANCELLED
 * come from the library too, and the codes that are absent from there alone.
 */
const USUAL_CODES: Readonly<Record<number, FaultCode>> = {
  [status.INVALID_ARGUMENT]: 'request_invalid',
  [status.UNAUTHENTICATED]: 'identity_unverified',
  [status.PERMISSION_DENIED]: 'permission_denied',
  [status.NOT_FOUND]: 'not_found',
  [status.ALREADY_EXISTS]: 'binding_conflict',
  [status.FAILED_PRECONDITION]: 'config_invalid',
}

/** Undefined when there are no details, or none that this build can read. */
function codeInDetails({ metadata, code }: ServiceError): FaultCode | undefined {
  const [bytes] = metadata?.get(DETAILS) ?? []
  if (bytes === undefined || typeof bytes === 'string') return undefined
  try {
    const { details } = fromBinary(StatusDetailsSchema, bytes)
    const info = details.find(({ typeUrl }) => typeUrl === ERROR_INFO)
    if (info === undefined) return undefined
    const { reason, domain } = fromBinary(ErrorInfoSchema, info.value)
    const said = reason.toLowerCase()
    const fits = domain === LANYARD_GROUP && isFaultCode(said)
    // Details that contradict the code that every other reader sees are not believed.
    return fits && status[FAULTS[said].grpc] === code ? said : undefined
  } catch {
    // Converted: what cannot be read says nothing.
    return undefined
  }
}

function isFaultCode(text: string): text is FaultCode {
  return Object.hasOwn(FAULTS, text)
}
