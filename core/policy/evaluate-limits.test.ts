import { describe, expect, test } from 'vitest'
import { aRequest, aRule, somePrincipalFacts } from '../../test/support/policy-builders.ts'
import type { AccessLimit, ParsedLimit } from './access-limit.ts'
import type { PolicyRule } from './access-policy.ts'
import { evaluate, type Facts, type PrincipalFacts } from './evaluate.ts'
import { NO_OBLIGATIONS } from './obligations.ts'

const ROOT = somePrincipalFacts({ name: 'alice', role: 'root requester' })
const ANYTHING = { apiGroups: ['*'], resources: ['*'], verbs: ['*'], namespaces: ['*'] }
const MASKED = { ...NO_OBLIGATIONS, mask: ['secret-values'] }

function limit(parts: Partial<AccessLimit>, rules: readonly Partial<PolicyRule>[]): ParsedLimit {
  const all = rules.flatMap((one) => aRule(one).rules)
  return {
    ok: true,
    limit: { kind: 'AccessCeiling', name: 'base', namespace: '', rules: all, ...parts },
  }
}
const ceiling = (...rules: readonly Partial<PolicyRule>[]) => limit({}, rules)
const narrowing = (...rules: readonly Partial<PolicyRule>[]) =>
  limit({ kind: 'NarrowingPolicy', name: 'quiet', namespace: 'team' }, rules)

function decide(
  limits: readonly ParsedLimit[],
  request = aRequest({}),
  principal: Partial<PrincipalFacts> = {},
) {
  const facts: Facts = {
    principals: [{ ...ROOT, ...principal, limits }],
    guard: { namespaceInjected: true, targetContainer: '', targetRoot: 'same' },
    defaultDecision: 'SubjectAccessReview',
  }
  return evaluate(request, facts)
}

describe('evaluateLimits() of an AccessCeiling', () => {
  test.each([
    ['allows it', [ceiling(ANYTHING)], { effect: 'allow', reason: 'rbac_allows' }],
    [
      'says nothing of it',
      [ceiling({ resources: ['jobs'] })],
      { reason: 'above_ceiling', rule: 'AccessCeiling base' },
    ],
    [
      'denies it',
      [ceiling(ANYTHING, { effect: 'Deny' })],
      { reason: 'limit_denies', rule: 'AccessCeiling base/rule' },
    ],
    [
      'is one of two, of which the other says nothing',
      [ceiling(ANYTHING), ceiling({ verbs: ['list'] })],
      { reason: 'above_ceiling' },
    ],
  ])('that %s', (_name, limits, want) => {
    expect(decide(limits)).toMatchObject(want)
  })

  test('allows nothing by itself', () => {
    expect(decide([ceiling(ANYTHING)], aRequest({}), { access: 'denied' })).toMatchObject({
      reason: 'rbac_denies',
    })
  })

  test('wants every judged verb', () => {
    const apply = aRequest({ verb: 'patch', alsoVerbs: ['create'] })
    expect(decide([ceiling({ ...ANYTHING, verbs: ['patch'] })], apply).effect).toBe('deny')
  })

  test('adds its masks to what a policy allows', () => {
    const rules = { resources: ['secrets'], verbs: ['*'], namespaces: ['*'] }
    const policies = [aRule({ resources: ['secrets'] })]
    const decision = decide(
      [ceiling({ ...rules, obligations: MASKED })],
      aRequest({ resource: 'secrets' }),
      { policies },
    )
    expect(decision).toMatchObject({ effect: 'allow', obligations: MASKED })
  })

  test('has no say about URLs, nor about asking what one may do', () => {
    const none = [ceiling({ resources: ['jobs'] })]
    expect(decide(none, aRequest({ resourceRequest: false, path: '/version' })).effect).toBe(
      'allow',
    )
    const asking = { apiGroup: 'authorization.k8s.io', resource: 'selfsubjectaccessreviews' }
    expect(decide(none, aRequest({ ...asking, verb: 'create', namespace: '' })).effect).toBe(
      'allow',
    )
    const denies = [ceiling({ ...ANYTHING, effect: 'Deny' })]
    expect(decide(denies, aRequest({ ...asking, verb: 'create', namespace: '' })).effect).toBe(
      'deny',
    )
  })

  test('that is not valid lets nothing pass', () => {
    const invalid = { kind: 'AccessCeiling', name: 'base', namespace: '', problems: ['x'] } as const
    expect(decide([{ ok: false, invalid }])).toMatchObject({
      reason: 'limit_invalid',
      rule: 'AccessCeiling base',
    })
  })
})

describe('evaluateLimits() of a NarrowingPolicy', () => {
  const denies = narrowing({ ...ANYTHING, namespaces: ['team'], effect: 'Deny' })

  test.each([
    ['a request to its namespace', {}, 'deny'],
    ['a request to another', { namespace: 'open' }, 'allow'],
    ['a list over all namespaces', { verb: 'list', namespace: '' }, 'deny'],
    ['a watch over all namespaces', { verb: 'watch', namespace: '' }, 'deny'],
    ['a list of nodes', { verb: 'list', resource: 'nodes', namespace: '' }, 'allow'],
    ['one cluster-scoped object', { resource: 'widgets', namespace: '', name: 'x' }, 'allow'],
    [
      'a write of a cluster-scoped object',
      { verb: 'create', resource: 'widgets', namespace: '' },
      'allow',
    ],
  ])('that denies everything, about %s', (_name, parts, effect) => {
    expect(decide([denies], aRequest(parts)).effect).toBe(effect)
  })

  test('allows nothing, and says nothing of what it does not name', () => {
    const restricts = narrowing({
      resources: ['secrets'],
      namespaces: ['team'],
      obligations: MASKED,
    })
    expect(decide([restricts], aRequest({}))).toMatchObject({
      effect: 'allow',
      obligations: NO_OBLIGATIONS,
      matches: [],
    })
    expect(decide([restricts], aRequest({ resource: 'secrets' }))).toMatchObject({
      effect: 'allow',
      obligations: MASKED,
      matches: [{ rules: [{ name: 'NarrowingPolicy team/quiet/rule' }] }],
    })
    const denied = decide([restricts], aRequest({ resource: 'secrets' }), { access: 'denied' })
    expect(denied.effect).toBe('deny')
  })

  test('that is not valid closes its own namespace only', () => {
    const invalid = {
      kind: 'NarrowingPolicy',
      name: 'quiet',
      namespace: 'team',
      problems: ['x'],
    } as const
    expect(decide([{ ok: false, invalid }])).toMatchObject({
      reason: 'limit_invalid',
      rule: 'NarrowingPolicy team/quiet',
    })
    expect(decide([{ ok: false, invalid }], aRequest({ namespace: 'open' })).effect).toBe('allow')
  })
})
