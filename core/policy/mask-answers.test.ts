import { describe, expect, test } from 'vitest'
import { aRequest, aRule, somePrincipalFacts } from '../../test/support/policy-builders.ts'
import type { RequestAttributes } from '../kubernetes/request-attributes.ts'
import type { AccessPolicy, PolicyRule } from './access-policy.ts'
import { evaluate } from './evaluate.ts'
import { masksOf, withMasks } from './mask-answers.ts'
import { NO_OBLIGATIONS } from './obligations.ts'

const mask = ['secret-values']
const obligations = { ...NO_OBLIGATIONS, mask }
const masked = (parts: Partial<PolicyRule> = {}): AccessPolicy =>
  aRule({ resources: ['secrets'], obligations, ...parts })
const secrets = (parts: Partial<RequestAttributes> = {}) =>
  aRequest({ resource: 'secrets', ...parts })

test.each<[string, AccessPolicy, RequestAttributes, readonly string[]]>([
  ['the verb of the rule', masked(), secrets(), mask],
  [
    'every other verb, whose answer shows the object too',
    masked(),
    secrets({ verb: 'patch' }),
    mask,
  ],
  ['a subresource of the object', masked(), secrets({ subresource: 'status' }), mask],
  ['a rule for a subresource', masked({ resources: ['secrets/status'] }), secrets(), mask],
  ['a list over all namespaces', masked(), secrets({ verb: 'list', namespace: '' }), mask],
  ['a rule for everything', masked({ resources: ['*'], apiGroups: ['*'] }), secrets(), mask],
  ['another namespace', masked(), secrets({ namespace: 'open' }), []],
  ['another resource', masked(), aRequest({}), []],
  ['another API group', masked({ apiGroups: ['apps'] }), secrets(), []],
  ['a Deny', masked({ effect: 'Deny' }), secrets(), []],
  ['a rule without masks', masked({ obligations: NO_OBLIGATIONS }), secrets(), []],
  [
    'credentials of a log',
    masked({ resources: ['pods/log'], obligations: { ...obligations, mask: ['credentials'] } }),
    aRequest({ subresource: 'log' }),
    ['credentials'],
  ],
  [
    'no credentials of a port-forward',
    masked({ resources: ['*'], obligations: { ...obligations, mask: ['credentials'] } }),
    aRequest({ subresource: 'portforward' }),
    [],
  ],
  ['a log, which is no object', masked({ resources: ['*'] }), aRequest({ subresource: 'log' }), []],
])('masksOf() %s', (_name, policy, request, want) => {
  expect(masksOf([policy], request).mask).toEqual(want)
})

describe('evaluate()', () => {
  const guard = { namespaceInjected: true, targetContainer: '', targetRoot: 'same' } as const
  const root = somePrincipalFacts({ name: 'alice', role: 'root requester' })
  const bob = somePrincipalFacts({ name: 'bob', role: 'co-requester' })
  const plain = aRule({ resources: ['secrets'], verbs: ['get', 'patch'] })

  test.each(['get', 'patch'])('masks a %s by a rule of anybody in the chain', (verb) => {
    const principals = [
      { ...root, policies: [plain] },
      { ...bob, policies: [plain, masked({ verbs: ['list'] })] },
    ]
    const facts = { principals, guard, defaultDecision: 'Deny' } as const
    expect(evaluate(secrets({ verb }), facts)).toMatchObject({ effect: 'allow', obligations })
  })

  test('allows nothing by a mask', () => {
    const principals = [{ ...root, policies: [masked({ verbs: ['list'] })] }]
    const facts = { principals, guard, defaultDecision: 'Deny' } as const
    expect(evaluate(secrets(), facts)).toMatchObject({ effect: 'deny', reason: 'no_rule' })
  })
})

describe('withMasks()', () => {
  const allow = { effect: 'allow', reason: 'rbac_allows', rule: '', matches: [] } as const
  const decision = { ...allow, obligations: NO_OBLIGATIONS }

  test('adds what every chain has masked', () => {
    const names = ['secret-values', 'config-values'] as const
    expect(withMasks(decision, secrets(), names)).toEqual({ ...allow, obligations })
  })

  test('leaves a decision as it is where there is nothing to mask', () => {
    expect(withMasks(decision, aRequest({}), ['secret-values'])).toBe(decision)
    expect(withMasks(decision, secrets(), [])).toBe(decision)
    const deny = { effect: 'deny', reason: 'no_rule', rule: '', matches: [] } as const
    expect(withMasks(deny, secrets(), ['secret-values'])).toBe(deny)
  })
})
