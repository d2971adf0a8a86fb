import type { KubeConfig } from '@kubernetes/client-node'
import type { Logger } from '../../platform/logger.ts'
import { type LivingPods, watchLivingPods } from '../kubernetes/living-pods.ts'
import type { PodBindingStore } from '../store/pod-binding-store.ts'
import { ENROLLED_MS_MAX, PodEnds, STORED_MS_MAX } from './pod-ends.ts'

const MARGIN_MS = 1_000

/** The ends of pods, kept up to date. */
export interface WatchedPodEnds {
  readonly ends: PodEnds
  readonly living: Pick<LivingPods, 'has' | 'isSynced'>
  stop(): void
}

/**
 * Begins to watch which pods end. `onEnded` is called with the UIDs of pods on record. While the watch is
 * behind, nothing ends: that keeps no decision from being made.
 */
export function watchPodEnds(options: {
  readonly config: KubeConfig
  readonly bindings: PodBindingStore
  readonly logger: Logger
  readonly now: () => number
  readonly onEnded: (podUids: ReadonlySet<string>) => void
}): WatchedPodEnds {
  const { config, bindings, logger, now, onEnded } = options
  let again: NodeJS.Timeout | undefined
  const living = (): LivingPods => pods
  const ends = new PodEnds({ bindings, living, onEnded, logger, now })
  const pods = watchLivingPods({
    ...{ config, logger, now },
    onGone: (podUid) => ends.gone(podUid),
    onListed(beganAtMs) {
      ends.listed(beganAtMs)
      // Once more for pods that were too young for this list, such as those of a minute before a restart.
      clearTimeout(again)
      again = setTimeout(look, ENROLLED_MS_MAX + MARGIN_MS).unref()
    },
  })
  function look(): void {
    if (pods.isSynced()) ends.listed(now())
  }
  // Pods that were admitted and never stored.
  const timer = setInterval(look, STORED_MS_MAX).unref()
  return {
    ends,
    living: pods,
    stop() {
      clearInterval(timer)
      clearTimeout(again)
      pods.stop()
    },
  }
}
