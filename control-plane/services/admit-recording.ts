import { isDecisionId } from '../../core/audit/decision-id.ts'
import { Fault } from '../../core/fault.ts'
import type { SessionBegin } from '../../proto/gen/lanyard/v1/recording_pb.ts'
import { levelFromMessage } from '../../proto/session-event-message.ts'
import type { AuditEventReader } from '../store/audit-event-store.ts'
import type { PodBinding } from '../store/pod-binding-store.ts'
import type { NewRecording } from '../store/recording-store.ts'

/** Names of protocols are short. */
const PROTOCOL_MAX = 64

const UNKNOWN = 'No decision of this pod with this id asks for a recording'

/**
 * What is recorded for a begin, if a decision of this pod asks for it. Throws `permission_denied` in the same words
 * for a decision that is not there and for another pod's, so that nobody learns which ids exist.
 */
export async function admitRecording(
  auditEvents: Pick<AuditEventReader, 'get'>,
  { podUid }: PodBinding,
  begin: SessionBegin,
  nowMs: number,
): Promise<NewRecording> {
  const { decisionId, protocol } = begin
  const event = isDecisionId(decisionId) ? await auditEvents.get(decisionId) : undefined
  if (event === undefined || event.caller.podUid !== podUid) {
    throw new Fault('permission_denied', UNKNOWN)
  }
  const wanted = event.obligations.record
  if (event.effect !== 'allow' || event.observed || wanted === 'none') {
    throw new Fault('permission_denied', UNKNOWN)
  }
  if (event.outcome !== undefined) {
    throw new Fault('permission_denied', 'The request of this decision has ended')
  }
  const level = levelFromMessage(begin.level)
  if (level === 'none' || (wanted === 'all' && level !== 'all')) {
    throw new Fault(
      'request_invalid',
      `The decision asks to record ${wanted}, and the session less`,
    )
  }
  if (protocol.length > PROTOCOL_MAX) {
    throw new Fault('request_invalid', 'The name of the protocol is too long')
  }
  return {
    ...{ id: decisionId, decisionSequence: event.sequence, podUid, protocol, level },
    ...{ namespace: event.caller.namespace, pod: event.caller.name },
    rootRequester: event.chain.rootRequester.username,
    beganAtMs: nowMs,
  }
}
