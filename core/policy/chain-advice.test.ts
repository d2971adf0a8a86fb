import { expect, test } from 'vitest'
import { type Actor, closeChain, type DelegationChain, UNATTRIBUTED } from '../chain.ts'
import { serviceAccountUser, type UserInfo } from '../kubernetes/user-info.ts'
import { closedBecause, grantAdvice } from './chain-advice.ts'
import type { Deny } from './decision.ts'

const pod: Actor = { podUid: 'u', namespace: 'team', name: 'step', serviceAccount: 'step', via: [] }
const alice: UserInfo = { username: 'alice', uid: '', groups: [], extra: {} }
const operator = serviceAccountUser('argo', 'argo')
const chainOf = (rootRequester: UserInfo, actor = pod): DelegationChain => ({
  ...{ rootRequester, coRequesters: [], actors: [actor] },
})
const refusedBy = (user: UserInfo, reason: Deny['reason'] = 'rbac_denies'): Deny => ({
  ...{ effect: 'deny', rule: '', reason, matches: [] },
  refusedBy: { role: 'root requester', user },
})

test.each(['rbac_denies', 'no_rule', 'default_denies'] as const)(
  'grantAdvice() says whom to grant it when an operator may not: %s',
  (reason) => {
    const advice = grantAdvice(refusedBy(operator, reason), chainOf(operator))
    expect(advice).toMatch(/made by the ServiceAccount argo of the namespace "argo".*grant it this/)
  },
)

test.each(['rbac_denies', 'no_rule', 'default_denies'] as const)(
  'grantAdvice() says what to do where nobody answers for what makes the pod: %s',
  (reason) => {
    const via = [
      { kind: 'Deployment', name: 'web' },
      { kind: 'ReplicaSet', name: 'web-1' },
    ]
    const advice = grantAdvice(
      refusedBy(UNATTRIBUTED, reason),
      chainOf(UNATTRIBUTED, { ...pod, via }),
    )
    expect(advice).toMatch(
      /nobody on record answers for Deployment\/web in the namespace "team".*create it again.*kubectl lanyard reset$/,
    )
  },
)

test.each<[string, Deny, DelegationChain]>([
  ['nobody, stopped by a rule', refusedBy(UNATTRIBUTED, 'policy_denies'), chainOf(UNATTRIBUTED)],
  ['a person who may not', refusedBy(alice), chainOf(alice)],
  ['another principal than the root', refusedBy(alice), chainOf(operator)],
  ['a rule that denies', refusedBy(operator, 'policy_denies'), chainOf(operator)],
  ['nobody', { effect: 'deny', rule: '', reason: 'guard', matches: [] }, chainOf(operator)],
  [
    'the account of the pod itself',
    refusedBy(operator),
    chainOf(operator, { ...pod, namespace: 'argo', serviceAccount: 'argo' }),
  ],
])('grantAdvice() says nothing of %s', (_name, deny, chain) => {
  expect(grantAdvice(deny, chain)).toBe('')
})

test('closedBecause() names the object that makes the pods, and both ways out', () => {
  const via = [
    { kind: 'Deployment', name: 'web' },
    { kind: 'ReplicaSet', name: 'web-1' },
  ]
  const chain = closeChain(chainOf(alice, { ...pod, via }), 'too many')
  expect(closedBecause({ ...chain, actors: [...chain.actors, pod] })).toBe(
    'its chain is closed: too many; make Deployment/web in the namespace "team" again, or have an administrator look at its code and run kubectl lanyard reset',
  )
  expect(closedBecause(chainOf(alice))).toContain('make the object that made the pod again')
})
