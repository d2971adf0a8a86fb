import { Fault } from '../../core/fault.ts'
import { REASON_CHARACTERS_MAX } from './clean-reason.ts'

/** SHA-256 in hexadecimal. */
export const DIGEST = /^[0-9a-f]{64}$/

/** The same text. Throws `request_invalid` when it is too long for a reason. */
export function checkedReason(text: string): string {
  if (text.length <= REASON_CHARACTERS_MAX) return text
  throw new Fault('request_invalid', `A reason has at most ${REASON_CHARACTERS_MAX} characters`)
}
