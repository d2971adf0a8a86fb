import { Fault } from '../../core/fault.ts'
import { FairTurns, type Share } from './fair-turns.ts'

export interface FairQueueLimits {
  /** Questions that run at the same time: all of them, and those of one root requester. */
  readonly atOnceMax: number
  readonly atOncePerRootMax: number
  readonly waitingMax: number
  readonly waitingPerRootMax: number
  readonly waitingPerPodMax: number
}

interface Waiting {
  readonly share: Share
  readonly start: () => void
}

/** Runs a bounded number of questions at the same time, in turns, and refuses a question beyond its share. */
export class FairQueue {
  readonly #turns = new FairTurns<Waiting>()
  readonly #running = new Map<string, number>()
  readonly #limits: FairQueueLimits
  readonly #what: string
  #atOnce = 0

  /** `what` is named in refusals, such as `reviews of access`. */
  constructor(what: string, limits: FairQueueLimits) {
    this.#what = what
    this.#limits = limits
  }

  get waiting(): number {
    return this.#turns.size
  }

  get running(): number {
    return this.#atOnce
  }

  /** Runs `work` when its turn comes. Throws `overloaded` when too many wait, of all or of a share. */
  async run<Result>(share: Share, work: () => Promise<Result>): Promise<Result> {
    this.#checkShare(share)
    await new Promise<void>((start) => {
      this.#turns.add(share, { share, start })
      this.#next()
    })
    try {
      return await work()
    } finally {
      this.#atOnce -= 1
      const left = this.#runningOf(share.root) - 1
      if (left === 0) this.#running.delete(share.root)
      else this.#running.set(share.root, left)
      this.#next()
    }
  }

  #checkShare(share: Share): void {
    const { waitingMax, waitingPerRootMax, waitingPerPodMax } = this.#limits
    if (this.#turns.sizeOfPod(share) >= waitingPerPodMax) {
      throw new Fault('overloaded', `Too many ${this.#what} of this pod wait; ask again later`)
    }
    if (this.#turns.sizeOfRoot(share.root) >= waitingPerRootMax) {
      const who = 'of the pods of one root requester'
      throw new Fault('overloaded', `Too many ${this.#what} ${who} wait; ask again later`)
    }
    if (this.#turns.size >= waitingMax) {
      throw new Fault('overloaded', `Too many ${this.#what} wait; ask again later`)
    }
  }

  #runningOf(root: string): number {
    return this.#running.get(root) ?? 0
  }

  #next(): void {
    const { atOnceMax, atOncePerRootMax } = this.#limits
    while (this.#atOnce < atOnceMax) {
      const next = this.#turns.take((root) => this.#runningOf(root) < atOncePerRootMax)
      if (next === undefined) return
      const { root } = next.share
      this.#atOnce += 1
      this.#running.set(root, this.#runningOf(root) + 1)
      next.start()
    }
  }
}
