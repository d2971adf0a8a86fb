import { expect, test } from 'vitest'
import { aRequest } from '../../test/support/policy-builders.ts'
import type { Allow, Decision, Deny } from './decision.ts'
import { NO_OBLIGATIONS } from './obligations.ts'
import { isTunnel, withRecording } from './record-tunnels.ts'

const ALLOW: Allow = {
  ...{ effect: 'allow', reason: 'rbac_allows', rule: '', matches: [] },
  obligations: NO_OBLIGATIONS,
}
const DENY: Deny = { effect: 'deny', reason: 'no_rule', rule: '', matches: [] }
const pod = { apiGroup: '', resource: 'pods', name: 'web' }

test.each([
  ['an exec over SPDY', { ...pod, verb: 'create', subresource: 'exec' }, true],
  ['an exec over WebSocket', { ...pod, verb: 'get', subresource: 'exec' }, true],
  ['an attach', { ...pod, verb: 'get', subresource: 'attach' }, true],
  ['a port-forward', { ...pod, verb: 'create', subresource: 'portforward' }, true],
  ['a log', { ...pod, verb: 'get', subresource: 'log' }, false],
  ['a pod', { ...pod, verb: 'get' }, false],
  ['an exec of another group', { ...pod, apiGroup: 'x', subresource: 'exec' }, false],
  [
    'an exec of something else',
    { ...pod, resource: 'virtualmachines', subresource: 'exec' },
    false,
  ],
  ['a path', { ...pod, resourceRequest: false, subresource: 'exec' }, false],
])('isTunnel() of %s', (_name, parts, want) => {
  expect(isTunnel(aRequest(parts))).toBe(want)
})

const exec = aRequest({ ...pod, verb: 'get', subresource: 'exec' })
const asking = (record: 'none' | 'output' | 'all'): Decision => ({
  ...ALLOW,
  obligations: { ...NO_OBLIGATIONS, mask: ['secret-values'], record },
})

test.each([
  ['none', 'none', 'none'],
  ['none', 'output', 'output'],
  ['output', 'none', 'output'],
  ['output', 'all', 'all'],
  ['all', 'output', 'all'],
] as const)('withRecording() of a rule that asks for %s, by default %s', (rule, level, want) => {
  expect(withRecording(asking(rule), exec, level)).toEqual(asking(want))
})

test('withRecording() leaves what is no tunnel, and what is denied, as it is', () => {
  expect(withRecording(ALLOW, aRequest({ verb: 'get' }), 'all')).toBe(ALLOW)
  expect(withRecording(DENY, exec, 'all')).toBe(DENY)
})
