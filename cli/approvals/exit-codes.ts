import type { AccessRequestObject } from '../../api/objects/access-request-object.ts'

/** Exit code for a request that still waits. */
const WAITS = 3
/** Exit code for a request that was denied, was cancelled, or expired. */
const ANSWERED_NO = 4

/** 0 for an approved request, 3 for one that waits, 4 for one that will not pass any more. */
export function exitCodeOf({ status }: AccessRequestObject): number {
  if (status.phase === 'Approved') return 0
  return status.phase === 'Pending' ? WAITS : ANSWERED_NO
}
