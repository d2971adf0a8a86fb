import { type DelegationChain, userKey } from '../../core/chain.ts'
import type { PodBinding } from '../store/pod-binding-store.ts'

/** For whom something is done: a pod, and the root requester behind it. */
export interface Share {
  readonly root: string
  readonly pod: string
}

/** What is done for nobody in particular, such as what the injector tells. */
export const OWN_SHARE: Share = { root: '', pod: '' }

const shares = new WeakMap<DelegationChain, Share>()

/** The share of a bound pod; made once for each chain, since keys of users are long. */
export function shareOf({ chain, podUid }: Pick<PodBinding, 'chain' | 'podUid'>): Share {
  let share = shares.get(chain)
  if (share === undefined) {
    share = { root: userKey(chain.rootRequester), pod: podUid }
    shares.set(chain, share)
  }
  return share
}

/**
 * What waits, taken in turns: one for each root requester, and of each root requester one for each pod.
 * Whoever brings a thousand waits for them himself; whoever brings one is among the next.
 */
export class FairTurns<Item> {
  /** By root and pod. A Map keeps the order of insertion: who had a turn goes to the end. */
  readonly #waiting = new Map<string, Map<string, Item[]>>()
  readonly #ofRoot = new Map<string, number>()
  #size = 0

  /** How many wait. */
  get size(): number {
    return this.#size
  }

  /** How many wait of a root requester. */
  sizeOfRoot(root: string): number {
    return this.#ofRoot.get(root) ?? 0
  }

  /** How many wait of a pod. */
  sizeOfPod({ root, pod }: Share): number {
    return this.#waiting.get(root)?.get(pod)?.length ?? 0
  }

  add({ root, pod }: Share, item: Item): void {
    let pods = this.#waiting.get(root)
    if (pods === undefined) {
      pods = new Map()
      this.#waiting.set(root, pods)
    }
    const items = pods.get(pod)
    if (items === undefined) pods.set(pod, [item])
    else items.push(item)
    this.#ofRoot.set(root, this.sizeOfRoot(root) + 1)
    this.#size += 1
  }

  /** The next one, of a root requester who may have a turn; undefined when nobody waits who may. */
  take(mayHaveTurn: (root: string) => boolean = () => true): Item | undefined {
    for (const [root, pods] of this.#waiting) {
      if (!mayHaveTurn(root)) continue
      for (const [pod, items] of pods) return this.#takeFrom(root, pods, pod, items)
    }
    return undefined
  }

  #takeFrom(root: string, pods: Map<string, Item[]>, pod: string, items: Item[]): Item | undefined {
    const item = items.shift()
    this.#size -= 1
    // Alone in the row, a turn changes nothing.
    if (pods.size > 1 || items.length === 0) {
      pods.delete(pod)
      if (items.length > 0) pods.set(pod, items)
    }
    const left = this.sizeOfRoot(root) - 1
    if (left === 0) {
      this.#waiting.delete(root)
      this.#ofRoot.delete(root)
      return item
    }
    this.#ofRoot.set(root, left)
    if (this.#waiting.size > 1) {
      this.#waiting.delete(root)
      this.#waiting.set(root, pods)
    }
    return item
  }
}
