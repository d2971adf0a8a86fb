import type { MessageInitShape } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import type { ChainPhase } from '../../core/chain.ts'
import { chainToMessage } from '../../proto/chain-message.ts'
import { type PodBindingSchema, PodState } from '../../proto/gen/lanyard/v1/chain_pb.ts'
import type { ChainStory } from '../chains/chain-story.ts'
import type { PodBinding } from '../store/pod-binding-store.ts'
import type { ObjectTouch } from '../store/workload-store.ts'

const STATES: Readonly<Record<ChainPhase, PodState>> = {
  Running: PodState.RUNNING,
  Ended: PodState.ENDED,
  Unknown: PodState.UNSPECIFIED,
}

/** A binding as it goes over gRPC. Touches are told where one chain is read. */
export function bindingToMessage(
  binding: PodBinding,
  story: Pick<ChainStory, 'endsAtMs' | 'stateOf'>,
  touches: readonly ObjectTouch[] = [],
): MessageInitShape<typeof PodBindingSchema> {
  const { phase, endedAtMs } = story.stateOf(binding)
  const endsAtMs = story.endsAtMs(binding)
  const { visitors, omitted } = binding.visits
  return {
    podUid: binding.podUid,
    chain: chainToMessage(binding.chain),
    boundAt: timestampFromMs(binding.boundAtMs),
    sequence: BigInt(binding.sequence),
    cluster: { ...binding.cluster },
    sidecarVersion: binding.sidecarVersion,
    beganAt: timestampFromMs(binding.beganAtMs),
    renewedAt: timestampFromMs(binding.renewedAtMs),
    ...(Number.isFinite(endsAtMs) ? { endsAt: timestampFromMs(endsAtMs) } : {}),
    state: STATES[phase],
    ...(endedAtMs === undefined ? {} : { endedAt: timestampFromMs(endedAtMs) }),
    visitors: visitors.map(({ username, kinds, firstAtMs, lastAtMs, visits, joined }) => ({
      ...{ username, kinds: [...kinds], joined, visits: BigInt(visits) },
      firstAt: timestampFromMs(firstAtMs),
      lastAt: timestampFromMs(lastAtMs),
    })),
    visitsOmitted: BigInt(omitted),
    touches: touches.map(({ username, atMs, kind, name, fields }) => ({
      ...{ username, kind, name, fields: [...fields] },
      at: timestampFromMs(atMs),
    })),
  }
}
