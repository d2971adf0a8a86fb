/** The value below or at which `percent` of all lie (nearest rank). Throws for an empty list. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length))
  const value = sorted[rank - 1]
  if (value === undefined) throw new Error('Cannot take a percentile of nothing')
  return value
}

/** The middle one; of an even number, the mean of the two in the middle. Throws for an empty list. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const half = Math.floor(sorted.length / 2)
  const upper = sorted[half]
  const lower = sorted[half - 1]
  if (upper === undefined) throw new Error('Cannot take the median of nothing')
  return sorted.length % 2 === 1 || lower === undefined ? upper : (lower + upper) / 2
}
