import { expect, test } from 'vitest'
import { createCallers } from './callers.ts'

const callers = createCallers(
  new Map([
    ['setup', 'token-of-setup'],
    ['app', 'token-of-app'],
  ]),
)

test.each([
  ['Bearer token-of-setup', 'setup'],
  ['bearer token-of-app', 'app'],
  ['Bearer token-of-app and more', 'app'],
])('authenticate() knows %s', (header, want) => {
  expect(callers.authenticate(header)).toEqual({ kind: 'container', container: want })
})

test.each([
  [undefined],
  [''],
  ['Bearer'],
  ['Bearer '],
  ['Bearer token-of-ap'],
  ['Bearer token-of-apq'],
  ['Bearer  token-of-app'],
  ['Bearer token-of-app, Bearer token-of-setup'],
  ['Basic token-of-app'],
  ['token-of-app'],
  [`Bearer ${'x'.repeat(600)}`],
])('authenticate() refuses %j', (header) => {
  expect(() => callers.authenticate(header)).toThrow(
    expect.objectContaining({ code: 'identity_unverified' }),
  )
})

test('authenticate() knows nobody when there is no token', () => {
  expect(() => createCallers(new Map()).authenticate('Bearer x')).toThrow(/Cannot tell/)
})
