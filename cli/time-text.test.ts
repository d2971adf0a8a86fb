import { describe, expect, test } from 'vitest'
import { formatTime, parseDuration } from './time-text.ts'

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

test('formatTime() in UTC has the form of RFC 3339', () => {
  expect(formatTime('2026-11-23T10:00:02.123000Z', true)).toBe('2026-11-23T10:00:02Z')
})

test('formatTime() shows what is no time as it is', () => {
  expect(formatTime('soon', false)).toBe('soon')
})
