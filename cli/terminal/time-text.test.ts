import { expect, test } from 'vitest'
import { formatTime } from './time-text.ts'

test('formatTime() in UTC has the form of RFC 3339', () => {
  expect(formatTime('2026-11-23T10:00:02.123000Z', true)).toBe('2026-11-23T10:00:02Z')
})

test('formatTime() shows what is no time as it is', () => {
  expect(formatTime('soon', false)).toBe('soon')
})
