export interface BucketLimits {
  /** The most that may come together. */
  readonly burst: number
  readonly perSecond: number
}

interface Bucket {
  left: number
  atMs: number
}

/** Buckets that are looked at for being full again, for each that is new: so they stay as many as are used. */
const SWEPT = 4

/** How much of something each key may still have; what is taken comes back with time. */
export class TokenBuckets {
  readonly #buckets = new Map<string, Bucket>()
  readonly #limits: BucketLimits
  #sweep: MapIterator<[string, Bucket]>

  constructor(limits: BucketLimits) {
    this.#limits = limits
    this.#sweep = this.#buckets.entries()
  }

  get size(): number {
    return this.#buckets.size
  }

  /** Whether there is one left for a key. `nowMs` never goes back. */
  has(key: string, nowMs: number): boolean {
    const bucket = this.#buckets.get(key)
    return bucket === undefined || this.#leftOf(bucket, nowMs) >= 1
  }

  /** Takes one, which must be there. */
  take(key: string, nowMs: number): void {
    const bucket = this.#buckets.get(key)
    if (bucket === undefined) {
      this.#forgetSome(nowMs)
      this.#buckets.set(key, { left: this.#limits.burst - 1, atMs: nowMs })
      return
    }
    bucket.left = this.#leftOf(bucket, nowMs) - 1
    bucket.atMs = nowMs
  }

  #leftOf({ left, atMs }: Bucket, nowMs: number): number {
    const { burst, perSecond } = this.#limits
    return Math.min(burst, left + (Math.max(0, nowMs - atMs) / 1_000) * perSecond)
  }

  /** A full bucket is as good as none. */
  #forgetSome(nowMs: number): void {
    for (let looked = 0; looked < SWEPT; looked += 1) {
      const { value, done } = this.#sweep.next()
      if (done === true) {
        this.#sweep = this.#buckets.entries()
        return
      }
      const [key, bucket] = value
      if (this.#leftOf(bucket, nowMs) >= this.#limits.burst) this.#buckets.delete(key)
    }
  }
}
