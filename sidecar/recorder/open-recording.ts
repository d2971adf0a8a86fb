import { Metadata } from '@grpc/grpc-js'
import type { Clock } from '../../platform/clock.ts'
import { RecordingService } from '../../proto/gen/lanyard/v1/recording_pb.ts'
import type { Permit } from '../../proxy/judgement/authorize.ts'
import type { ControlPlaneChannel } from '../authorizer/control-plane-channel.ts'
import { RecordingCall } from './recording-call.ts'

/** Where a record is opened, and as whom. */
export interface RecordingPlace {
  readonly clientOf: ControlPlaneChannel['clientOf']
  readonly session: string
  readonly timeoutMs: number
  readonly clock: Clock
}

/** Opens the record of a session that was allowed. Throws a Fault when the control plane keeps none. */
export function openRecording(place: RecordingPlace, permit: Permit): Promise<RecordingCall> {
  const { clientOf, clock, session, timeoutMs } = place
  const { decisionId, record, request } = permit
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${session}`)
  const call = clientOf(RecordingService).record(metadata)
  const level = record
  return RecordingCall.open({
    call,
    decisionId,
    protocol: request.protocol,
    level,
    clock,
    openMs: timeoutMs,
  })
}
