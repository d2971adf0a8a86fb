import { isMaskProfileId } from '../mask-profile.ts'

/** What makes tokens for values that are hidden. */
export interface MaskWords {
  /** The token of a value: the same for the same bytes. */
  tokenOf(value: Uint8Array): string
  /** The token of a value of which not all was seen. */
  readonly unknown: string
}

/** How often each rule hid something. */
export class MaskCounts {
  readonly #counts = new Map<string, number>()

  add(rule: string): void {
    this.#counts.set(rule, (this.#counts.get(rule) ?? 0) + 1)
  }

  /** By rule; never a value. */
  byRule(): ReadonlyMap<string, number> {
    return this.#counts
  }

  /** By mask: `credentials`, and the id of each MaskProfile. */
  byMask(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>()
    for (const [rule, times] of this.#counts) {
      const mask = isMaskProfileId(rule) ? rule : 'credentials'
      counts.set(mask, (counts.get(mask) ?? 0) + times)
    }
    return counts
  }
}
