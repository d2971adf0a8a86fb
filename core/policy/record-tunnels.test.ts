import { describe, expect, test } from 'vitest'
import { aRequest, aRule, somePrincipalFacts } from '../../test/support/policy-builders.ts'
import type { AccessPolicy } from './access-policy.ts'
import type { Allow, Decision, Deny } from './decision.ts'
import { evaluate, type PrincipalFacts } from './evaluate.ts'
import { NO_OBLIGATIONS } from './obligations.ts'
import { isTunnel, obligationsAbout, withRecording } from './record-tunnels.ts'

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

const ALL = { ...NO_OBLIGATIONS, record: 'all' as const }
const vms = { apiGroup: 'subresources.kubevirt.io', resource: 'virtualmachineinstances', name: 'x' }
test.each([
  ['an exec', { ...pod, subresource: 'exec' }, 'all'],
  ['a port-forward', { ...pod, subresource: 'portforward' }, 'all'],
  ['a console of an aggregated API', { ...vms, subresource: 'console' }, 'all'],
  ['a proxied service', { resource: 'services', name: 'x', subresource: 'proxy' }, 'all'],
  ['a pod', pod, 'none'],
  ['a log', { ...pod, subresource: 'log' }, 'none'],
  ['a status of another API', { ...vms, subresource: 'status' }, 'none'],
  ['an object of another API', vms, 'none'],
  ['an eviction', { ...pod, apiGroup: 'policy', subresource: 'eviction' }, 'none'],
])('obligationsAbout() %s', (_name, parts, record) => {
  expect(obligationsAbout(ALL, aRequest(parts))).toEqual({ ...NO_OBLIGATIONS, record })
})

describe('evaluate() with rules that record', () => {
  const guard = { namespaceInjected: true, targetContainer: '', targetRoot: 'same' } as const
  const shell = aRequest({ ...pod, verb: 'create', subresource: 'exec' })
  const allow = { resources: ['pods/exec'], verbs: ['create'] }
  const recording = (record: 'output' | 'all', parts = {}) =>
    aRule({ ...allow, obligations: { ...NO_OBLIGATIONS, record }, ...parts })
  const someone = (role: 'root requester' | 'ancestor', ...policies: readonly AccessPolicy[]) => ({
    ...somePrincipalFacts({ name: role, role }),
    policies,
  })
  const judge = (...principals: readonly PrincipalFacts[]) => {
    const decision = evaluate(shell, { principals, guard, defaultDecision: 'SubjectAccessReview' })
    return withRecording(decision, shell, 'output')
  }

  test.each([
    ['no rule that records: the default', [aRule(allow)], [aRule(allow)], 'output'],
    ['a rule of an ancestor', [aRule(allow)], [recording('all')], 'all'],
    ['less of an ancestor', [recording('all')], [recording('output')], 'all'],
    ['a rule beside the one that allows', [aRule(allow), recording('all')], [], 'all'],
    [
      'a rule for another verb beside it',
      [aRule(allow), recording('all', { verbs: ['get'] })],
      [],
      'output',
    ],
    [
      'a rule with commands, too',
      [recording('all', { commands: { deny: [], readScript: () => [] } })],
      [],
      'all',
    ],
  ] as const)('%s', (_name, root, ancestor, record) => {
    const others = ancestor.length === 0 ? [] : [someone('ancestor', ...ancestor)]
    const decision = judge(someone('root requester', ...root), ...others)
    expect(decision).toMatchObject({ effect: 'allow', obligations: { record } })
  })

  test('a rule that records allows nothing by itself for others', () => {
    const decision = judge(
      someone('root requester', recording('all')),
      someone('ancestor', aRule({ resources: ['pods'] })),
    )
    expect(decision).toMatchObject({ effect: 'deny', reason: 'no_rule' })
  })
})
