import type { PodBinding } from '../store/pod-binding-store.ts'

/**
 * Bindings whose chains have grown since this process started. Sessions and open requests hold a
 * binding as it was when they began; whoever judges takes the newest.
 */
export interface GrownBindings {
  add(binding: PodBinding): void
  /** The newest binding of the same pod. */
  newest(binding: PodBinding): PodBinding
}

/** A few kilobytes each. More pods are not reached into within the life of one process. */
const KEPT_MAX = 10_000

/** Remembers them; of more than 10,000 the oldest are forgotten. */
export function createGrownBindings(): GrownBindings {
  const byPod = new Map<string, PodBinding>()
  return {
    add(binding) {
      const known = byPod.get(binding.podUid)
      // Two that come at the same time may come in either order.
      if (known !== undefined && known.growth > binding.growth) return
      byPod.delete(binding.podUid)
      byPod.set(binding.podUid, binding)
      const [oldest] = byPod.keys()
      if (byPod.size > KEPT_MAX && oldest !== undefined) byPod.delete(oldest)
    },
    newest(binding) {
      const known = byPod.size === 0 ? undefined : byPod.get(binding.podUid)
      return known !== undefined && known.growth > binding.growth ? known : binding
    },
  }
}
