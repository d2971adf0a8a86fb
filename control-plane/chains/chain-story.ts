import type { ChainPhase } from '../../core/chain.ts'
import type { PodBinding } from '../store/pod-binding-store.ts'
import type { ObjectTouch, WorkloadStore } from '../store/workload-store.ts'
import type { ChainLapses } from './chain-lapses.ts'
import type { PodEnds } from './pod-ends.ts'

/** Whether the pod of a chain runs. */
export interface PodLife {
  readonly phase: ChainPhase
  /** Of one that ended: when that was seen, in Unix milliseconds. */
  readonly endedAtMs?: number
}

/** What readers of a chain are shown that its binding does not hold. */
export interface ChainStory {
  /** When it ends for its age, in Unix milliseconds; Infinity for never. */
  endsAtMs(binding: Pick<PodBinding, 'renewedAtMs'>): number
  /** Whether the pod runs, as far as is known now. */
  stateOf(binding: PodBinding): PodLife
  /**
   * The last writes that chose no code, to each object that the pod comes from, oldest first for each. It
   * reads the registry, so lists do not ask. May throw `audit_unavailable`.
   */
  touchesOf(binding: Pick<PodBinding, 'chain'>): Promise<readonly ObjectTouch[]>
}

/** The story of a chain: whether its pod runs, its end by age, and the record of the objects that the pod comes from. */
export function createChainStory({
  endsAtMs,
  podEnds,
  workloads,
}: Pick<ChainLapses, 'endsAtMs'> & {
  readonly podEnds: Pick<PodEnds, 'phaseOf' | 'endedAtMs'>
  readonly workloads: Pick<WorkloadStore, 'touchesOf'>
}): ChainStory {
  return {
    endsAtMs,
    stateOf(binding) {
      const endedAtMs = podEnds.endedAtMs(binding)
      return { phase: podEnds.phaseOf(binding), ...(endedAtMs === undefined ? {} : { endedAtMs }) }
    },
    touchesOf: async ({ chain }) => {
      const pod = chain.actors.at(-1)
      return pod === undefined ? [] : workloads.touchesOf(pod.namespace, pod.via)
    },
  }
}
