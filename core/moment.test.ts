import { expect, test } from 'vitest'
import { parseMoment, toUnixMs } from './moment.ts'

const NOW_MS = Date.parse('2026-11-23T12:00:00Z')

test.each([
  ['2h', '2026-11-23T10:00:00.000Z'],
  ['0s', '2026-11-23T12:00:00.000Z'],
  ['7d', '2026-11-16T12:00:00.000Z'],
  ['999999d', '1970-01-01T00:00:00.000Z'],
  ['2026-11-01', '2026-11-01T00:00:00.000Z'],
  ['2026-11-01T08:00:00Z', '2026-11-01T08:00:00.000Z'],
  ['2026-11-01T08:00Z', '2026-11-01T08:00:00.000Z'],
  ['2026-11-01T08:00:00.5+01:00', '2026-11-01T07:00:00.500Z'],
  ['2024-02-29', '2024-02-29T00:00:00.000Z'],
])('parseMoment() of %s', (text, want) => {
  expect(new Date(toUnixMs(parseMoment(text), NOW_MS)).toISOString()).toBe(want)
})

test.each([
  '',
  'yesterday',
  '-1h',
  '2026-02-31',
  '2026-13-01',
  '2026-11-01T08:00:00',
  '2026-11-01 08:00',
  '11/01/2026',
])('parseMoment() refuses %j, and says how to write it', (text) => {
  expect(() => parseMoment(text)).toThrow(/is no point in time; write it as 2h/)
})
