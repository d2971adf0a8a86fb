import type { KubeConfig } from '@kubernetes/client-node'
import type { Logger } from '../../platform/logger.ts'
import { type LivingPods, watchLivingPods } from '../kubernetes/living-pods.ts'
import type { PodBindingStore } from '../store/pod-binding-store.ts'
import { PodEnds, STORED_MS_MAX } from './pod-ends.ts'

/** The ends of pods, kept up to date. */
export interface WatchedPodEnds {
  readonly ends: PodEnds
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
  const living = (): LivingPods => pods
  const ends = new PodEnds({ bindings, living, onEnded, logger, now })
  const pods = watchLivingPods({
    ...{ config, logger, now },
    onGone: (podUid) => ends.gone(podUid),
    onListed: (beganAtMs) => ends.listed(beganAtMs),
  })
  // Pods that were too young at the last list, and those that were admitted and never stored.
  const timer = setInterval(() => {
    if (pods.isSynced()) ends.listed(now())
  }, STORED_MS_MAX).unref()
  return {
    ends,
    stop() {
      clearInterval(timer)
      pods.stop()
    },
  }
}
