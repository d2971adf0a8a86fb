/** How many observations were at most so large, by the bound of a bucket in seconds; `+Inf` is Infinity. */
export type Buckets = ReadonlyMap<number, number>

/** Adds up the buckets of all series of a Prometheus histogram whose labels contain `label`. */
export function readBuckets(text: string, name: string, label: string): Buckets {
  const buckets = new Map<number, number>()
  for (const line of text.split('\n')) {
    if (!line.startsWith(`${name}_bucket{`) || !line.includes(label)) continue
    const [, bound = '', count = ''] = /le="([^"]+)".*} (\S+)$/.exec(line) ?? []
    const key = bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound)
    buckets.set(key, (buckets.get(key) ?? 0) + Number(count))
  }
  return buckets
}

/**
 * The quantile, 0 to 1, of what was observed between two readings, in seconds, as Prometheus' histogram_quantile reckons
 * it: a straight line within a bucket. Throws when nothing was observed.
 */
export function quantileBetween(before: Buckets, after: Buckets, quantile: number): number {
  const bounds = [...after.keys()].sort((one, other) => one - other)
  const grown = (bound: number) => (after.get(bound) ?? 0) - (before.get(bound) ?? 0)
  const total = grown(bounds.at(-1) ?? 0)
  if (!(total > 0)) throw new Error('Nothing was observed between the two readings')
  const rank = quantile * total
  const index = bounds.findIndex((bound) => grown(bound) >= rank)
  const [upper = 0, lower = 0] = [bounds[index], bounds[index - 1]]
  // Beyond the last bound nothing is known but that it is beyond.
  if (upper === Number.POSITIVE_INFINITY) return lower
  const below = index === 0 ? 0 : grown(lower)
  return lower + ((upper - lower) * (rank - below)) / (grown(upper) - below)
}
