import { randomInt } from 'node:crypto'
import { timestampMs } from '@bufbuild/protobuf/wkt'
import { Metadata, type ServiceError } from '@grpc/grpc-js'
import { isLane } from '../../core/audit/decision-id.ts'
import { Fault } from '../../core/fault.ts'
import { isKnownWireVersion, WIRE_VERSION } from '../../core/version-skew.ts'
import type { Clock } from '../../platform/clock.ts'
import { VERSION } from '../../platform/version.ts'
import { fromServiceError } from '../../proto/fault-status.ts'
import type { EnrollResponse, EnrolmentService } from '../../proto/gen/lanyard/v1/enrolment_pb.ts'
import type { GrpcClient } from '../../proto/grpc-service.ts'
import { DecisionIds } from './decision-ids.ts'

/** Proof for the control plane of which pod the sidecar serves. */
export interface Enrolment {
  readonly session: string
  /** When to get the next one: after four fifths of its life. */
  readonly renewAtMs: number
  readonly expiresAtMs: number
  /** Makes ids for requests that are sent ahead; undefined where the control plane takes none. */
  readonly ids: DecisionIds | undefined
}

const ENROL_TIMEOUT_MS = 10_000
const RENEW_AFTER = 0.8
/** Metadata values are header values. */
const SESSION = /^[\x21-\x7e]{1,8192}$/

/** Sidecar and control plane do not speak the same version: no later try will mend it. */
export class VersionRefused extends Fault {
  constructor(message: string, options?: { readonly cause: unknown }) {
    super('decision_unavailable', message, options)
  }
}

function refusedEnrolment(cause: ServiceError): Fault {
  // Only a version is refused as an argument that is not valid.
  if (fromServiceError(cause)?.code === 'request_invalid')
    return new VersionRefused(cause.details, { cause })
  return new Fault('decision_unavailable', 'Cannot enrol at the control plane', { cause })
}

/**
 * Trades the pod-bound token for a session. Throws `decision_unavailable` when the control plane is
 * away, does not accept the token, or answers without a usable session, and `VersionRefused` when the
 * versions do not fit.
 */
export async function enroll(
  client: GrpcClient<typeof EnrolmentService>,
  token: string,
  clock: Clock,
): Promise<Enrolment> {
  const response = await new Promise<EnrollResponse>((resolve, reject) => {
    client.enroll(
      { token, sidecarVersion: VERSION, wireVersion: WIRE_VERSION },
      new Metadata(),
      { deadline: Date.now() + ENROL_TIMEOUT_MS },
      (error, value) => {
        if (error !== null) {
          reject(refusedEnrolment(error))
        } else if (value === undefined) reject(new Fault('decision_unavailable', 'No answer'))
        else resolve(value)
      },
    )
  })
  if (!isKnownWireVersion(response.wireVersion)) {
    const { wireVersion, controlPlaneVersion } = response
    throw new VersionRefused(
      `The control plane (${controlPlaneVersion}) speaks version ${wireVersion} of the protocol, and the sidecar (${VERSION}) version ${WIRE_VERSION}, so nothing is allowed: recreate the pod to get the sidecar of the control plane`,
    )
  }
  const nowMs = clock.nowMs()
  const expiresAtMs = response.expiresAt === undefined ? 0 : timestampMs(response.expiresAt)
  if (!SESSION.test(response.session) || expiresAtMs <= nowMs) {
    throw new Fault('decision_unavailable', 'The control plane enrolled without a usable session')
  }
  const renewAtMs = nowMs + (expiresAtMs - nowMs) * RENEW_AFTER
  return { session: response.session, renewAtMs, expiresAtMs, ids: idsOf(response, clock) }
}

/** None by an older control plane, and none in a lane or by a clock that cannot be read. */
function idsOf({ lane, now }: EnrollResponse, clock: Clock): DecisionIds | undefined {
  if (!isLane(lane) || now === undefined) return undefined
  return new DecisionIds({ lane, controlPlaneMs: timestampMs(now), clock, random: randomInt })
}
