import { expect, test } from 'vitest'
import { isDnsLabel, isDnsSubdomain } from './dns-names.ts'

test.each([
  ['', false, false],
  ['a', true, true],
  ['0', true, true],
  ['team-a', true, true],
  ['-a', false, false],
  ['a-', false, false],
  ['A', false, false],
  ['a_b', false, false],
  ['a.b', false, true],
  ['a..b', false, false],
  ['.a', false, false],
  ['a.', false, false],
  ['a.-b', false, false],
  ['a/b', false, false],
  ['a\n', false, false],
  ['x'.repeat(63), true, true],
  ['x'.repeat(64), false, true],
  ['x'.repeat(253), false, true],
  ['x'.repeat(254), false, false],
])('isDnsLabel() and isDnsSubdomain() of %j', (text, label, subdomain) => {
  expect([isDnsLabel(text), isDnsSubdomain(text)]).toEqual([label, subdomain])
})
