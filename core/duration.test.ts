import { describe, expect, test } from 'vitest'
import { parseDuration } from './duration.ts'

describe('parseDuration()', () => {
  test.each([
    ['90', 90_000],
    ['90s', 90_000],
    ['10m', 600_000],
    ['1h30m', 5_400_000],
    ['7d', 604_800_000],
    ['250ms', 250],
    ['0', 0],
  ])('of %s is %i ms', (text, want) => {
    expect(parseDuration(text)).toBe(want)
  })

  test.each(['', '-5m', '5 m', 'm', '1w', '1.5h'])('refuses %j', (text) => {
    expect(() => parseDuration(text)).toThrow(/is not a duration/)
  })
})
