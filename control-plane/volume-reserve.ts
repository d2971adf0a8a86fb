import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { Fault } from '../core/fault.ts'
import type { Share } from './fairness/fair-turns.ts'
import { TokenBuckets } from './fairness/token-buckets.ts'

/**
 * Room that is kept for those who use little: a tenth of the volume of the records, or 256 MiB of a
 * large one, which is some 300,000 decisions.
 */
const RESERVE_BYTES_MAX = 256 * 1_024 * 1_024
const RESERVE_FRACTION = 0.1
/** What a pod, and all pods of a root requester, may still have recorded when only the reserve is left. */
const POD_SHARE = { burst: 100, perSecond: 5 }
const ROOT_SHARE = { burst: 300, perSecond: 10 }
const LOOK_MS = 1_000

/** Free and whole size of a volume. */
export interface VolumeSpace {
  readonly freeBytes: number
  readonly bytes: number
}

/** The space of the volume that a file is on, to whoever is not root. Throws what the system says. */
export function readVolumeSpace(path: string): VolumeSpace {
  const { bavail, blocks, bsize } = statfsSync(dirname(path))
  return { freeBytes: bavail * bsize, bytes: blocks * bsize }
}

/** Keeps the last of a volume for those who use little of it. */
export class VolumeReserve {
  readonly #read: () => VolumeSpace
  readonly #pods = new TokenBuckets(POD_SHARE)
  readonly #roots = new TokenBuckets(ROOT_SHARE)
  #lookedAtMs = Number.NEGATIVE_INFINITY
  #space: VolumeSpace | undefined

  constructor(read: () => VolumeSpace) {
    this.#read = read
  }

  /**
   * Throws `overloaded` for whoever has used up a share of what is left, once only the reserve is.
   * A volume that cannot be looked at refuses nobody: what cannot be written is refused by itself.
   */
  check(share: Share, nowMs: number): void {
    if (!this.#isLow(nowMs)) return
    if (!this.#pods.has(share.pod, nowMs) || !this.#roots.has(share.root, nowMs)) {
      throw new Fault(
        'overloaded',
        'The volume of the records is nearly full, and this pod, or its root requester, has used its share of what is left: ask an administrator to enlarge it',
      )
    }
    this.#pods.take(share.pod, nowMs)
    this.#roots.take(share.root, nowMs)
  }

  #isLow(nowMs: number): boolean {
    if (Math.abs(nowMs - this.#lookedAtMs) >= LOOK_MS) {
      this.#lookedAtMs = nowMs
      try {
        this.#space = this.#read()
      } catch {
        // Recorded as not known.
        this.#space = undefined
      }
    }
    if (this.#space === undefined) return false
    const { freeBytes, bytes } = this.#space
    return freeBytes < Math.min(RESERVE_BYTES_MAX, bytes * RESERVE_FRACTION)
  }
}
