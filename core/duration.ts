import { Fault } from './fault.ts'

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/**
 * Milliseconds of a duration such as `90s`, `10m`, `1h30m` or `7d`; a bare number is seconds.
 * Throws `request_invalid`.
 */
export function parseDuration(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000
  if (!/^(\d{1,9}(ms|s|m|h|d))+$/.test(text)) {
    throw new Fault(
      'request_invalid',
      `${JSON.stringify(text)} is not a duration; write it as 90s, 10m, 2h or 7d`,
    )
  }
  let sumMs = 0
  for (const [, count = '', unit = ''] of text.matchAll(/(\d+)(ms|s|m|h|d)/g)) {
    sumMs += Number(count) * (UNIT_MS[unit] ?? 0)
  }
  return sumMs
}
