import { expect, test } from 'vitest'
import { aRequest } from '../../test/support/policy-builders.ts'
import type { ChainPrincipal, DelegationChain } from '../chain.ts'
import { isUnsafe } from '../escape-text.ts'
import type { Deny, Hold } from './decision.ts'
import { NO_OBLIGATIONS } from './obligations.ts'
import { refusal } from './refusal.ts'

const alice = { username: 'alice', uid: '', groups: [], extra: {} }
const agent = { username: 'system:serviceaccount:team:agent', uid: '', groups: [], extra: {} }
const chain: DelegationChain = {
  rootRequester: alice,
  coRequesters: [],
  actors: [{ podUid: 'u', namespace: 'team', name: 'worker-1', serviceAccount: 'x', via: [] }],
}
const ID = '01JD4QP3000000000000000000'

function message(request: Parameters<typeof aRequest>[0], deny: Partial<Deny>): string {
  const whole: Deny = { effect: 'deny', reason: 'no_rule', rule: '', matches: [], ...deny }
  return refusal(aRequest(request), chain, whole, ID).message
}

const root: ChainPrincipal = { role: 'root requester', user: alice }
const ancestor: ChainPrincipal = { role: 'ancestor', user: agent }

test('refusal() says who, what, where, why and the decision', () => {
  expect(message({ verb: 'delete', name: 'x' }, { refusedBy: root })).toBe(
    'pods "x" is forbidden: alice (root requester of pod team/worker-1) cannot delete resource "pods" in API group "" in the namespace "team": no rule allows it [decision 01JD4QP3000000000000000000]',
  )
})

test.each([
  [
    'an ancestor',
    {},
    { refusedBy: ancestor, reason: 'rbac_denies' as const },
    /system:serviceaccount:team:agent \(which launched pod team\/worker-1, whose root requester is alice\) .* RBAC does not allow it/,
  ],
  [
    'a subresource',
    { subresource: 'exec', name: 'x' },
    {},
    /pods "x" is forbidden: .* resource "pods\/exec"/,
  ],
  ['a group', { apiGroup: 'apps', resource: 'deployments' }, {}, /^deployments\.apps is forbidden/],
  ['the cluster scope', { namespace: '' }, {}, /at the cluster scope/],
  [
    'another URL',
    { resourceRequest: false, path: '/metrics' },
    {},
    /^"\/metrics" is forbidden: .* cannot get path "\/metrics"/,
  ],
  ['two verbs', { verb: 'patch', alsoVerbs: ['create'] }, {}, /cannot patch and create resource/],
  [
    'a guard',
    {},
    { reason: 'guard' as const, guard: 'node-proxy' as const },
    /no rule decides what goes through them; call the Service by its own address \(guard node-proxy\)/,
  ],
  ['a rule', {}, { reason: 'policy_denies' as const, rule: 'p/r' }, /rule "p\/r" denies it/],
  [
    'a broken policy',
    {},
    { reason: 'policy_invalid' as const, rule: 'p' },
    /AccessPolicy "p" is not valid/,
  ],
])('refusal() names %s', (_name, request, deny, want) => {
  expect(message(request, deny)).toMatch(want)
})

test('refusal() of a hold says to wait for an approval, and which rule asks for it', () => {
  const hold: Hold = {
    ...{
      effect: 'hold',
      reason: 'approval_required',
      heldFor: root,
      rule: 'careful/exec',
      held: [],
    },
    ...{ matches: [], obligations: NO_OBLIGATIONS },
  }
  const { message: text, causes } = refusal(aRequest({ verb: 'create' }), chain, hold, ID)
  expect(text).toMatch(
    /cannot create .* before it is approved: rule "careful\/exec" requires an approval; wait for it, then send the same request again \[decision/,
  )
  expect(causes).toEqual(
    expect.arrayContaining([
      { reason: 'LanyardEffect', field: 'effect', message: 'hold' },
      { reason: 'LanyardReason', field: 'reason', message: 'approval_required' },
      { reason: 'LanyardRetryable', field: 'retryable', message: 'afterApproval' },
    ]),
  )
})

test('refusal() says the same to programs', () => {
  const deny: Deny = { effect: 'deny', reason: 'no_rule', rule: '', refusedBy: root, matches: [] }
  expect(refusal(aRequest({}), chain, deny, ID).causes).toEqual([
    { reason: 'LanyardDecision', field: 'decision', message: ID },
    { reason: 'LanyardEffect', field: 'effect', message: 'deny' },
    { reason: 'LanyardReason', field: 'reason', message: 'no_rule' },
    { reason: 'LanyardRootRequester', field: 'chain.rootRequester', message: 'alice' },
    { reason: 'LanyardPod', field: 'chain.pod', message: 'team/worker-1' },
    { reason: 'LanyardRefusedBy', field: 'refusedBy', message: 'alice' },
    { reason: 'LanyardRetryable', field: 'retryable', message: 'false' },
  ])
})

test('refusal() shows names and paths that a terminal would obey as escapes', () => {
  const bad = 'a\u009b31m\u202eb\u{e0041}'
  const request = aRequest({ resourceRequest: false, path: `/${bad}` })
  const mallory = { ...chain, rootRequester: { ...alice, username: `m${bad}` } }
  const deny: Deny = {
    effect: 'deny',
    reason: 'policy_denies',
    rule: bad,
    refusedBy: root,
    matches: [],
  }
  const { message: text, causes } = refusal(request, mallory, deny, ID)
  expect([text, ...causes.map((cause) => cause.message)].filter(isUnsafe)).toEqual([])
  expect(text).toContain('a\\x9b31m\\u202eb\\u{e0041}')
})
