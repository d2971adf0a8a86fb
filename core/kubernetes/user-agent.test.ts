import { expect, test } from 'vitest'
import { recordedUserAgent, sanitizeUserAgent } from './user-agent.ts'

test.each([
  [undefined, ''],
  ['', ''],
  ['kubectl/v1.34 (linux/amd64)', 'kubectl/v1.34 (linux/amd64)'],
  ['a\tb\u00e9', 'a?b?'],
  ['x'.repeat(300), 'x'.repeat(256)],
])('sanitizeUserAgent() of %j', (value, want) => {
  expect(sanitizeUserAgent(value)).toBe(want)
})

test.each([
  ['', ''],
  ['kubectl/v1.34 (linux/amd64)', 'kubectl/v1.34 (linux/amd64)'],
  ['agent eyJhbGciOiJSUzI1NiJ9.e30.c2ln', 'agent [credential]'],
  ['agent Bearer abc', 'agent [credential]'],
  [`${'x'.repeat(250)} eyJhbGciOiJSUzI1NiJ9`, `${'x'.repeat(250)} [cred`],
  ['basically/1.0', 'basically/1.0'],
  ['a\tb', 'a?b'],
])('recordedUserAgent() of %j', (value, want) => {
  expect(recordedUserAgent(value)).toBe(want)
})
