import type { PodBinding } from '../store/pod-binding-store.ts'
import type { ObjectTouch, WorkloadStore } from '../store/workload-store.ts'
import type { ChainLapses } from './chain-lapses.ts'

/** What readers of a chain are shown that its binding does not hold. */
export interface ChainStory {
  /** When it ends for its age, in Unix milliseconds; Infinity for never. */
  endsAtMs(binding: Pick<PodBinding, 'renewedAtMs'>): number
  /**
   * The last writes that chose no code, to each object that the pod comes from, oldest first for each. It
   * reads the registry, so lists do not ask. May throw `audit_unavailable`.
   */
  touchesOf(binding: Pick<PodBinding, 'chain'>): Promise<readonly ObjectTouch[]>
}

/** The story of a chain: its end by age, and the record of the objects that the pod comes from. */
export function createChainStory({
  endsAtMs,
  workloads,
}: Pick<ChainLapses, 'endsAtMs'> & {
  readonly workloads: Pick<WorkloadStore, 'touchesOf'>
}): ChainStory {
  return {
    endsAtMs,
    touchesOf: async ({ chain }) => {
      const pod = chain.actors.at(-1)
      return pod === undefined ? [] : workloads.touchesOf(pod.namespace, pod.via)
    },
  }
}
