import { parseDuration } from './duration.ts'
import { Fault } from './fault.ts'

/** A point in time as a user names it: so many milliseconds ago, or a Unix time in milliseconds. */
export type Moment = { readonly agoMs: number } | { readonly atMs: number }

const DATE = /^\d{4}-\d\d-\d\d$/
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/

/**
 * A duration before now (`2h`, `7d`), a day in UTC (`2026-11-01`), or a time of RFC 3339 with its zone.
 * Throws `request_invalid`.
 */
export function parseMoment(text: string): Moment {
  if (DATE.test(text) || TIME.test(text)) {
    const atMs = Date.parse(text)
    // Date.parse takes the 31st of February for a day of March.
    const isDay = !Number.isNaN(atMs) && toDay(text.slice(0, 10)) === text.slice(0, 10)
    if (isDay) return { atMs }
  }
  try {
    return { agoMs: parseDuration(text) }
  } catch (error) {
    throw new Fault(
      'request_invalid',
      `${JSON.stringify(text)} is no point in time; write it as 2h or 7d (ago), 2026-11-01 (UTC) or 2026-11-01T08:00:00Z`,
      { cause: error },
    )
  }
}

function toDay(text: string): string {
  const atMs = Date.parse(text)
  return Number.isNaN(atMs) ? '' : new Date(atMs).toISOString().slice(0, 10)
}

/** Unix milliseconds of a moment; never before 1970. */
export function toUnixMs(moment: Moment, nowMs: number): number {
  return Math.max(0, 'atMs' in moment ? moment.atMs : nowMs - moment.agoMs)
}
