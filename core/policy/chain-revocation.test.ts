import { expect, test } from 'vitest'
import { parseChainRevocation } from './chain-revocation.ts'

const metadata = { name: 'r', creationTimestamp: '2026-11-23T10:00:00Z' }
const alice = { kind: 'User', name: 'alice' }

test('parseChainRevocation() holds to the end of its second, for any requester', () => {
  const spec = { principal: alice, reason: 'left', revokedBy: 'root' }
  expect(parseChainRevocation({ metadata, spec })).toEqual({
    ...{ name: 'r', username: 'alice', requester: 'Any', sinceMs: 0 },
    ...{ revokedAtMs: Date.UTC(2026, 10, 23, 10) + 999, revokedBy: 'root', reason: 'left' },
  })
})

test.each([
  [{ kind: 'ServiceAccount', name: 'bot', namespace: 'team' }, 'system:serviceaccount:team:bot'],
  [{ kind: 'User', name: 'system:serviceaccount:team:bot' }, 'system:serviceaccount:team:bot'],
])('parseChainRevocation() of %j', (principal, username) => {
  const created = { ...metadata, creationTimestamp: new Date(1_000) }
  const parsed = parseChainRevocation({ metadata: created, spec: { principal } })
  expect(parsed).toMatchObject({ username, revokedAtMs: 1_999 })
})

test.each([
  [undefined],
  [{}],
  [{ principal: { kind: 'User', name: '' } }],
  [{ principal: { kind: 'Group', name: 'devs' } }],
  [{ principal: { kind: 'User', name: 'alice', namespace: 'team' } }],
  [{ principal: { kind: 'ServiceAccount', name: 'bot' } }],
  [{ principal: alice, requester: 'Nobody' }],
  [{ principal: alice, since: 'yesterday' }],
])('parseChainRevocation() refuses %j', (spec) => {
  expect(() => parseChainRevocation({ metadata, spec })).toThrow(/is not valid/)
})

test('parseChainRevocation() refuses an object without a time', () => {
  expect(() => parseChainRevocation({ spec: { principal: alice } })).toThrow(/is not valid/)
})
