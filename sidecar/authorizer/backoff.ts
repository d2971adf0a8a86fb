export interface Backoff {
  /** Milliseconds to wait before the next attempt. */
  next(): number
  /** An attempt went well. */
  reset(): void
}

/**
 * Doubles from `minMs` to `maxMs`. Half of each wait is random, so that the sidecars of a cluster do
 * not all knock at the same moment when a control plane is back.
 */
export function createBackoff(options: {
  readonly minMs: number
  readonly maxMs: number
  readonly random: () => number
}): Backoff {
  const { minMs, maxMs, random } = options
  let ceilingMs = minMs
  return {
    next: () => {
      const waitMs = ceilingMs / 2 + (ceilingMs / 2) * random()
      ceilingMs = Math.min(maxMs, ceilingMs * 2)
      return waitMs
    },
    reset: () => {
      ceilingMs = minMs
    },
  }
}
