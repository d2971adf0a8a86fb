const SECOND_MS = 1_000
const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const YEAR = 365 * DAY

/**
 * A duration as the AGE column of kubectl shows it: two units while the second one says something,
 * else one. `<invalid>` for a time that lies more than a second in the future.
 * Keep in step with Kubernetes apimachinery/pkg/util/duration (HumanDuration).
 */
export function humanDuration(durationMs: number): string {
  const seconds = Math.trunc(durationMs / SECOND_MS)
  if (!Number.isFinite(seconds) || seconds < -1) return '<invalid>'
  if (seconds < 0) return '0s'
  if (seconds < 2 * MINUTE) return `${seconds}s`
  if (seconds < 10 * MINUTE) return two(seconds, MINUTE, 'm', 1, 's')
  if (seconds < 3 * HOUR) return one(seconds, MINUTE, 'm')
  if (seconds < 8 * HOUR) return two(seconds, HOUR, 'h', MINUTE, 'm')
  if (seconds < 2 * DAY) return one(seconds, HOUR, 'h')
  if (seconds < 8 * DAY) return two(seconds, DAY, 'd', HOUR, 'h')
  if (seconds < 2 * YEAR) return one(seconds, DAY, 'd')
  if (seconds < 8 * YEAR) return two(seconds, YEAR, 'y', DAY, 'd')
  return one(seconds, YEAR, 'y')
}

function one(seconds: number, unit: number, letter: string): string {
  return `${Math.trunc(seconds / unit)}${letter}`
}

/** Leaves the smaller unit out when there is none of it. */
function two(
  seconds: number,
  unit: number,
  letter: string,
  smaller: number,
  smallerLetter: string,
): string {
  const rest = Math.trunc((seconds % unit) / smaller)
  return rest === 0
    ? one(seconds, unit, letter)
    : `${one(seconds, unit, letter)}${rest}${smallerLetter}`
}
