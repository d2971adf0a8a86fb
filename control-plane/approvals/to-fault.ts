import { Fault, type FaultCode } from '../../core/fault.ts'
import type { NotDone } from './approvals.ts'

const CODES: Readonly<Record<NotDone['code'], FaultCode>> = {
  not_found: 'not_found',
  conflict: 'binding_conflict',
  forbidden: 'permission_denied',
  invalid: 'request_invalid',
}

/** The fault that tells why nothing was done. */
export function toFault({ code, message }: NotDone): Fault {
  return new Fault(CODES[code], message)
}
