import { Metadata } from '@grpc/grpc-js'
import { BufferGarbage } from '../../platform/buffer-garbage.ts'
import type { Clock } from '../../platform/clock.ts'
import { createCollector } from '../../platform/collect-garbage.ts'
import { RecordingService } from '../../proto/gen/lanyard/v1/recording_pb.ts'
import { RECORD_REQUESTS } from '../../proto/record-codec.ts'
import type { Permit } from '../../proxy/judgement/authorize.ts'
import type { ControlPlaneChannel } from '../authorizer/control-plane-channel.ts'
import type { OpenRecordings } from './open-recordings.ts'
import { RecordingCall } from './recording-call.ts'
import { AllUnstored } from './unstored.ts'

/** Of all sessions; in so many bytes what they allocate is several times as much. */
const COLLECT_BYTES = 1024 * 1024

const garbage = new BufferGarbage(createCollector(), COLLECT_BYTES)
const unstored = new AllUnstored()

/** Many sessions that begin together wait for the disk: they are to begin later, and not to fail. */
const OPEN_MS_MIN = 30_000

/** Where a record is opened, and as whom. */
export interface RecordingPlace {
  readonly clientOf: ControlPlaneChannel['clientOf']
  readonly session: string
  readonly timeoutMs: number
  readonly clock: Clock
  /** Of the process. */
  readonly open: OpenRecordings
}

/** Opens the record of a session that was allowed. Throws a Fault when the control plane keeps none. */
export async function openRecording(place: RecordingPlace, permit: Permit): Promise<RecordingCall> {
  const { clientOf, clock, session, timeoutMs } = place
  const { decisionId, record, request } = permit
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${session}`)
  const call = clientOf(RecordingService, RECORD_REQUESTS).record(metadata)
  const level = record
  const recording = await RecordingCall.open({
    call,
    decisionId,
    protocol: request.protocol,
    level,
    ...{ clock, garbage, unstored },
    openMs: Math.max(OPEN_MS_MIN, timeoutMs),
    lineMs: timeoutMs,
  })
  place.open.add(recording)
  return recording
}
