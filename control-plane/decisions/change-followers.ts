import type { PodBinding } from '../store/pod-binding-store.ts'

interface Follower {
  readonly binding: PodBinding
  readonly onChange: () => void
}

/**
 * Who is told when something that decisions about a pod rest on has changed. A chain that ends for its age is not told
 * of: it was near its end before, and its allows said so.
 */
export class ChangeFollowers {
  readonly #followers = new Set<Follower>()

  /** Calls back, immediately, at each change that may concern a pod; returns the way to stop. */
  add(binding: PodBinding, onChange: () => void): () => void {
    const follower = { binding, onChange }
    this.#followers.add(follower)
    return () => this.#followers.delete(follower)
  }

  /** Something has changed, for all or for those whom it concerns. */
  tell(concerns: (binding: PodBinding) => boolean = () => true): void {
    for (const { binding, onChange } of this.#followers) if (concerns(binding)) onChange()
  }
}
