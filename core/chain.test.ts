import { expect, test } from 'vitest'
import {
  type Actor,
  CHAIN_REQUESTERS_MAX,
  chainPrincipals,
  closeChain,
  type DelegationChain,
  userKey,
  withCoRequester,
} from './chain.ts'
import {
  boundPodUid,
  parseServiceAccountUsername,
  serviceAccountUser,
} from './kubernetes/user-info.ts'
import { policyNames } from './policy/access-policy.ts'

function user(username: string, parts: object = {}) {
  return { username, uid: '', groups: [], extra: {}, ...parts }
}
function actor(name: string, serviceAccount: string): Actor {
  return { podUid: name, namespace: 'team', name, serviceAccount, via: [] }
}
const chain: DelegationChain = {
  rootRequester: user('alice'),
  coRequesters: [user('bob')],
  actors: [actor('agent', 'agent'), actor('job', 'strong'), actor('third', 'strong')],
}

test('chainPrincipals() lists each requester and ancestor once, and not the caller', () => {
  expect(chainPrincipals(chain).map(({ role, user: { username } }) => [role, username])).toEqual([
    ['root requester', 'alice'],
    ['co-requester', 'bob'],
    ['ancestor', 'system:serviceaccount:team:agent'],
    ['ancestor', 'system:serviceaccount:team:strong'],
  ])
  const twice = { ...chain, coRequesters: [user('alice')], actors: chain.actors.slice(0, 1) }
  expect(chainPrincipals(twice)).toHaveLength(1)
})

test('chainPrincipals() refuses a chain without a pod', () => {
  expect(() => chainPrincipals({ ...chain, actors: [] })).toThrow(/ends with the calling pod/)
})

test('userKey() does not depend on the order of groups and extra', () => {
  const one = user('a', { groups: ['x', 'y'], extra: { k: ['1'], l: ['2'] } })
  const two = user('a', { groups: ['y', 'x'], extra: { l: ['2'], k: ['1'] } })
  expect(userKey(one)).toBe(userKey(two))
  expect(userKey(user('a', { groups: ['x,y'] }))).not.toBe(
    userKey(user('a', { groups: ['x', 'y'] })),
  )
})

test('withCoRequester() adds a requester once, and never the root', () => {
  expect(withCoRequester(chain, user('alice'))).toBe(chain)
  expect(withCoRequester(chain, user('bob'))).toBe(chain)
  expect(withCoRequester(chain, user('carol')).coRequesters.map((u) => u.username)).toEqual([
    'bob',
    'carol',
  ])
})

test.each([
  ['system:serviceaccount:team:agent', { namespace: 'team', name: 'agent' }],
  ['system:serviceaccount:team:x:y', undefined],
  ['system:serviceaccount:team:', undefined],
  ['alice', undefined],
])('parseServiceAccountUsername() reads %s', (username, want) => {
  expect(parseServiceAccountUsername(username)).toEqual(want)
})

test.each([
  [['u1'], 'u1'],
  [['u1', 'u2'], undefined],
  [[''], undefined],
  [[], undefined],
])('boundPodUid() reads %j', (values, want) => {
  expect(
    boundPodUid(user('x', { extra: { 'authentication.kubernetes.io/pod-uid': values } })),
  ).toBe(want)
})

test.each([
  ['a user', { kind: 'User', name: 'alice', namespace: '' }, user('alice'), true],
  ['a user in another case', { kind: 'User', name: 'Alice', namespace: '' }, user('alice'), false],
  ['everybody', { kind: 'User', name: '*', namespace: '' }, user('alice'), false],
  ['a group', { kind: 'Group', name: 'sre', namespace: '' }, user('x', { groups: ['sre'] }), true],
  ['a group that is a user', { kind: 'Group', name: 'alice', namespace: '' }, user('alice'), false],
  [
    'a service account',
    { kind: 'ServiceAccount', name: 'agent', namespace: 'team' },
    serviceAccountUser('team', 'agent'),
    true,
  ],
  [
    'one of another namespace',
    { kind: 'ServiceAccount', name: 'agent', namespace: 'team2' },
    serviceAccountUser('team', 'agent'),
    false,
  ],
] as const)('policyNames() answers for %s', (_name, subject, who, want) => {
  expect(policyNames([subject], who)).toBe(want)
})

test('withCoRequester() closes a chain that is full, and keeps the first reason', () => {
  const full = Array.from({ length: CHAIN_REQUESTERS_MAX - 1 }, (_, number) => user(`u-${number}`))
  const open = full.reduce(withCoRequester, { ...chain, coRequesters: [] })
  expect(open.closed).toBeUndefined()
  expect(withCoRequester(open, user('u-0'))).toBe(open)
  const closed = withCoRequester(open, user('one-more'))
  expect(closed.closed).toContain('more than 16')
  expect(closed.coRequesters).toHaveLength(CHAIN_REQUESTERS_MAX - 1)
  expect(closeChain(closed, 'another')).toBe(closed)
})
