import { expect, test } from 'vitest'
import { sanitizeUserAgent } from './user-agent.ts'

test.each([
  [undefined, ''],
  ['', ''],
  ['kubectl/v1.34 (linux/amd64)', 'kubectl/v1.34 (linux/amd64)'],
  ['a\tb\u00e9', 'a?b?'],
  ['x'.repeat(300), 'x'.repeat(256)],
])('sanitizeUserAgent() of %j', (value, want) => {
  expect(sanitizeUserAgent(value)).toBe(want)
})
