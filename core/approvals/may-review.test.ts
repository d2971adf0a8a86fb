import { describe, expect, test } from 'vitest'
import { aHeldRequest, aHeldRule, aPerson } from '../../test/support/approval-parts.ts'
import type { UserInfo } from '../kubernetes/user-info.ts'
import { mayCancel, standingOf, whoMay } from './may-review.ts'

const EMAIL = 'example.com/email'
const alice = aPerson('alice', { uid: 'u-1', extra: { [EMAIL]: ['alice@example.com'] } })
const actor = aHeldRequest().caller
const held = aHeldRequest({
  chain: { rootRequester: alice, coRequesters: [aPerson('carol')], actors: [actor] },
})
const oncall = { groups: ['oncall', 'system:authenticated'] }
const rule = aHeldRule()

describe('standingOf()', () => {
  test.each<[string, UserInfo]>([
    ['the root requester', aPerson('alice', oncall)],
    ['the root requester in other letters', aPerson('Alice', oncall)],
    ['who has the UID of the root requester', aPerson('a.smith', { ...oncall, uid: 'u-1' })],
    [
      'whose e-mail address is that of the root requester',
      aPerson('a.smith', { ...oncall, extra: { [EMAIL]: ['ALICE@example.com'] } }),
    ],
    [
      'who is called as the e-mail address of the root requester',
      aPerson('alice@example.com', oncall),
    ],
    [
      'whose credential is that of a co-requester by name',
      aPerson('c', { ...oncall, extra: { 'oidc.example.com/preferred_username': ['carol'] } }),
    ],
    ['a co-requester', aPerson('carol', oncall)],
  ])('refuses %s although the group approves', (_title, user) => {
    expect(standingOf(user, held, [rule])).toEqual({
      may: false,
      why: expect.stringMatching(/is in the chain .* ask another approver/),
    })
  })

  test('refuses who is impersonated', () => {
    const impersonated = aHeldRequest({ impersonated: aPerson('oscar') })
    expect(standingOf(aPerson('oscar', oncall), impersonated, [rule]).may).toBe(false)
  })

  test.each<[string, UserInfo]>([
    ['a service account', aPerson('system:serviceaccount:team:bot', oncall)],
    [
      'a user in the group of service accounts',
      aPerson('bot', { groups: ['oncall', 'system:serviceaccounts'] }),
    ],
    [
      'a token that is bound to a pod',
      aPerson('oscar', { ...oncall, extra: { 'authentication.kubernetes.io/pod-uid': ['p'] } }),
    ],
    ['a node', aPerson('system:node:one', oncall)],
    [
      'nobody who is known',
      aPerson('system:anonymous', { groups: ['oncall', 'system:unauthenticated'] }),
    ],
    ['no name', aPerson('', oncall)],
  ])('refuses %s', (_title, user) => {
    const self = aHeldRule({ self: true, approvers: [] })
    expect(standingOf(user, held, [rule])).toEqual({
      may: false,
      why: expect.stringMatching(/log in as a person/),
    })
    expect(
      standingOf(user, aHeldRequest({ chain: { ...held.chain, rootRequester: user } }), [self]).may,
    ).toBe(false)
  })

  test.each<[string, UserInfo, boolean]>([
    ['a member of the group', aPerson('oscar', oncall), true],
    [
      'a member of a group by a longer name',
      aPerson('oscar', { groups: ['/tenant/oncall'] }),
      false,
    ],
    ['a user called as the group', aPerson('oncall'), false],
    ['a member of no group', aPerson('oscar', { groups: [] }), false],
  ])('takes groups by their exact names: %s', (_title, user, may) => {
    expect(standingOf(user, held, [rule]).may).toBe(may)
  })

  test('lets nobody approve where no approver is named', () => {
    expect(standingOf(aPerson('oscar', oncall), held, [aHeldRule({ approvers: [] })]).may).toBe(
      false,
    )
    expect(standingOf(aPerson('oscar', oncall), held, []).may).toBe(false)
  })

  test('counts an answer for the rules that name the person only', () => {
    const other = aHeldRule({ approvers: [{ kind: 'User', name: 'sam' }] }, 'prod/all')
    expect(standingOf(aPerson('oscar', oncall), held, [rule, other])).toEqual({
      ...{ may: true, breakGlass: false, rules: [rule] },
    })
  })
})

test.each<[string, UserInfo, boolean]>([
  ['the root requester', alice, true],
  ['a co-requester', aPerson('carol'), true],
  ['an approver', aPerson('oscar', oncall), false],
])('mayCancel() of %s is %s', (_title, user, may) => {
  expect(mayCancel(user, held)).toBe(may)
})

test('whoMay() names each approver once, and says when there is none', () => {
  expect(whoMay([rule, rule])).toBe('approvers are: Group oncall')
  expect(whoMay([aHeldRule({ approvers: [], self: true })])).toMatch(/break glass/)
  expect(whoMay([aHeldRule({ approvers: [] })])).toBe('nobody may approve it')
})
