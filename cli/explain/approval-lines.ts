import type { AccessChangeObject, AuditEventObject } from '../../api/objects/access-objects.ts'
import { formatTime } from '../terminal/time-text.ts'

const VERBS: Readonly<Record<string, string>> = {
  requested: 'was made',
  approved: 'was approved',
  denied: 'was denied',
  cancelled: 'was cancelled',
  expired: 'expired',
  granted: 'was granted',
  revoked: 'had its grant revoked',
  'grant-expired': 'had its grant expire',
}

/** By which grant a request passed, and what became of those that were held; plain text, not yet escaped. */
export function approvalLines(
  { spec, status }: Pick<AuditEventObject, 'spec' | 'status'>,
  utc: boolean,
): readonly string[] {
  const passed = spec.grant === undefined ? [] : [`it passed by access grant ${spec.grant}`]
  return [...passed, ...(status.accessChanges ?? []).map((change) => line(change, utc))]
}

function line(change: AccessChangeObject, utc: boolean): string {
  const verb = VERBS[change.change] ?? change.change
  const by = change.by === undefined ? '' : ` by ${change.by}`
  const scope = change.scope === undefined ? '' : ` for the scope ${change.scope}`
  const grant = change.grant === undefined ? '' : ` (grant ${change.grant})`
  const alarm = change.breakGlass === true ? ', BREAK GLASS' : ''
  const why = change.reason === undefined ? '' : `: ${change.reason}`
  const at = formatTime(change.at, utc)
  return `access request ${change.request} ${verb}${by}${scope} at ${at}${grant}${alarm}${why}`
}
