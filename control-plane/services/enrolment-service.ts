import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { Fault } from '../../core/fault.ts'
import { boundPodUid, parseServiceAccountUsername } from '../../core/kubernetes/user-info.ts'
import { isKnownWireVersion, WIRE_VERSION, whyOutsideSkew } from '../../core/version-skew.ts'
import type { Logger } from '../../platform/logger.ts'
import { VERSION } from '../../platform/version.ts'
import { chainToMessage } from '../../proto/chain-message.ts'
import type { EnrolmentService } from '../../proto/gen/lanyard/v1/enrolment_pb.ts'
import type { GrpcHandlers } from '../../proto/grpc-service.ts'
import type { ChainStory } from '../chains/chain-story.ts'
import type { TokenReviewer } from '../kubernetes/token-reviewer.ts'
import { SESSION_MS_MAX, type Sessions } from '../sessions.ts'
import type { PodBindingStore } from '../store/pod-binding-store.ts'
import { peerAddress, unary } from './grpc-fault.ts'
import { laneOf } from './sent-ahead.ts'

export interface EnrolmentDeps {
  readonly bindings: Pick<PodBindingStore, 'find' | 'markEnrolled'>
  readonly chainStory: Pick<ChainStory, 'stateOf'>
  readonly sessions: Sessions
  readonly reviewToken: TokenReviewer
  readonly logger: Logger
  readonly now: () => number
}

/** A projected token is a few kilobytes at most. */
const TOKEN_BYTES_MAX = 16 * 1_024
/** More than any version; what is longer is no version of ours. */
const VERSION_CHARACTERS_MAX = 64

/** Trades a pod-bound token for a session of the pod that kube-apiserver says it is bound to. */
export function createEnrolmentService(deps: EnrolmentDeps): GrpcHandlers<typeof EnrolmentService> {
  return {
    enroll: unary(deps.logger, async ({ token, sidecarVersion, wireVersion }, _metadata, peer) => {
      // Before anything else is read: whatever it means, it may mean otherwise.
      if (!isKnownWireVersion(wireVersion)) throw unknownWire(wireVersion)
      if (token.length > TOKEN_BYTES_MAX) {
        throw new Fault('identity_unverified', 'The token is longer than any token is')
      }
      const user = await deps.reviewToken(token, peerAddress(peer))
      const podUid = boundPodUid(user)
      const account = parseServiceAccountUsername(user.username)
      if (podUid === undefined || account === undefined) {
        throw new Fault('identity_unverified', 'The token is not bound to a pod')
      }
      const binding = await deps.bindings.find(podUid)
      const pod = binding?.chain.actors.at(-1)
      if (binding === undefined || pod === undefined) {
        throw new Fault(
          'chain_unknown',
          'Nobody is on record for this pod: it was made before its namespace was labelled. Recreate it',
        )
      }
      if (pod.namespace !== account.namespace || pod.serviceAccount !== account.name) {
        throw new Fault('identity_unverified', "The token is not of this pod's service account")
      }
      // kube-apiserver takes the token of a pod that has ended for as long as the object is there.
      if (deps.chainStory.stateOf(binding).endedAtMs !== undefined) {
        throw new Fault(
          'identity_unverified',
          'The pod of this token has ended; whoever needs to act runs a pod of their own',
        )
      }
      const version = sidecarVersion.slice(0, VERSION_CHARACTERS_MAX)
      if (binding.sequence === 0 || binding.sidecarVersion !== version) {
        await deps.bindings.markEnrolled(podUid, version)
      }
      const { secret, expiresAtMs } = deps.sessions.open(binding, SESSION_MS_MAX)
      const enrolled = { podUid, namespace: pod.namespace, pod: pod.name, sidecarVersion: version }
      const outside = whyOutsideSkew(version, VERSION)
      if (outside === undefined) deps.logger.info(enrolled, 'Enrolled')
      else deps.logger.warn({ ...enrolled, outside }, 'Enrolled a sidecar that is not supported')
      return {
        session: secret,
        expiresAt: timestampFromMs(expiresAtMs),
        chain: chainToMessage(binding.chain),
        controlPlaneVersion: VERSION,
        wireVersion: WIRE_VERSION,
        lane: laneOf(podUid),
        now: timestampFromMs(deps.now()),
      }
    }),
  }
}

function unknownWire(wireVersion: number): Fault {
  return new Fault(
    'request_invalid',
    `The sidecar speaks version ${wireVersion} of the protocol, and this control plane (${VERSION}) version ${WIRE_VERSION}: use one release for both, and recreate the pod`,
  )
}
