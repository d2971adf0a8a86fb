import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { aRequest, aRule, somePrincipalFacts } from '../../test/support/policy-builders.ts'
import type { AccessPolicy } from './access-policy.ts'
import { evaluate, type Facts, needsReview, type PrincipalFacts } from './evaluate.ts'

const SAFE = { namespaceInjected: true, targetContainer: '', targetRoot: 'same' } as const

function facts(principals: readonly PrincipalFacts[], guard: Partial<Facts['guard']> = {}): Facts {
  return { principals, guard: { ...SAFE, ...guard }, defaultDecision: 'SubjectAccessReview' }
}

const root = somePrincipalFacts({ name: 'alice', role: 'root requester' })
const ancestor = somePrincipalFacts({ name: 'system:serviceaccount:team:agent', role: 'ancestor' })

describe('evaluate()', () => {
  test.each([
    ['RBAC allows each principal', [root, ancestor], { effect: 'allow', reason: 'rbac_allows' }],
    [
      'RBAC denies the root requester',
      [{ ...root, access: 'denied' as const }, ancestor],
      { effect: 'deny', reason: 'rbac_denies', refusedBy: root.principal },
    ],
    [
      'RBAC denies an ancestor',
      [root, { ...ancestor, access: 'denied' as const }],
      { effect: 'deny', reason: 'rbac_denies', refusedBy: ancestor.principal },
    ],
    [
      'the authorizer did not answer',
      [{ ...root, access: 'unknown' as const }],
      { effect: 'deny', reason: 'access_unknown' },
    ],
    ['there is no principal', [], { effect: 'deny', reason: 'chain_unknown' }],
    [
      'a policy allows, whatever RBAC says',
      [{ ...root, access: 'denied' as const, policies: [aRule({ verbs: ['get'] })] }],
      { effect: 'allow', reason: 'policy_allows', rule: 'policy/rule' },
    ],
    [
      'a policy names the principal and no rule matches, though RBAC would allow',
      [{ ...root, policies: [aRule({ verbs: ['list'] })] }],
      { effect: 'deny', reason: 'no_rule' },
    ],
    [
      'one rule denies and another allows',
      [{ ...root, policies: [aRule({ verbs: ['*'] }), aRule({ effect: 'Deny', verbs: ['get'] })] }],
      { effect: 'deny', reason: 'policy_denies' },
    ],
    [
      'a policy that names the principal is not valid',
      [{ ...root, policies: [aRule({ verbs: ['*'] })], invalidPolicies: ['broken'] }],
      { effect: 'deny', reason: 'policy_invalid', rule: 'broken' },
    ],
  ])('answers when %s', (_name, principals, want) => {
    expect(evaluate(aRequest({ verb: 'get' }), facts(principals))).toMatchObject(want)
  })

  test('denies an empty verb even where a rule has every verb', () => {
    const all = { ...root, policies: [aRule({ verbs: ['*'] })] }
    expect(evaluate(aRequest({ verb: '' }), facts([all]))).toMatchObject({ reason: 'verb_unknown' })
  })

  test('wants every judged verb', () => {
    const apply = aRequest({ verb: 'patch', alsoVerbs: ['create'] })
    const patchOnly = { ...root, policies: [aRule({ verbs: ['patch'] })] }
    const both = { ...root, policies: [aRule({ verbs: ['patch'] }), aRule({ verbs: ['create'] })] }
    expect(evaluate(apply, facts([patchOnly])).effect).toBe('deny')
    expect(evaluate(apply, facts([both])).effect).toBe('allow')
  })

  test('denies a principal without a policy where the default is Deny', () => {
    const strict: Facts = { ...facts([root]), defaultDecision: 'Deny' }
    expect(evaluate(aRequest({}), strict)).toMatchObject({ reason: 'default_denies' })
  })

  test('asks the authorizer about URLs outside the resource API even under a policy', () => {
    const named = { ...root, policies: [aRule({ verbs: ['*'], resources: ['*'] })] }
    const url = aRequest({ resourceRequest: false, path: '/version' })
    expect(evaluate(url, facts([named])).effect).toBe('allow')
    expect(evaluate(url, facts([{ ...named, access: 'denied' }])).effect).toBe('deny')
  })

  describe('of a question about oneself', () => {
    const SSAR = { apiGroup: 'authorization.k8s.io', resource: 'selfsubjectaccessreviews' }
    const WHO = { apiGroup: 'authentication.k8s.io', resource: 'selfsubjectreviews' }
    const silent = { ...root, policies: [aRule({ verbs: ['get'] })] }

    test.each([
      ['access', SSAR],
      ['rules', { ...SSAR, resource: 'selfsubjectrulesreviews' }],
      ['who one is', WHO],
    ])('about %s lets the authorizer say where no rule does', (_name, asked) => {
      const request = aRequest({ verb: 'create', namespace: '', ...asked })
      expect(evaluate(request, facts([silent]))).toMatchObject({ reason: 'rbac_allows' })
      const refused = { ...silent, access: 'denied' as const }
      expect(evaluate(request, facts([refused]))).toMatchObject({ reason: 'rbac_denies' })
      expect(needsReview(request, silent, 'Deny')).toBe(true)
      const all = { apiGroups: ['*'], resources: ['*'], verbs: ['*'] }
      const closed = { ...silent, policies: [aRule({ ...all, effect: 'Deny' })] }
      expect(evaluate(request, facts([closed]))).toMatchObject({ reason: 'policy_denies' })
      const broken = { ...silent, invalidPolicies: ['broken'] }
      expect(evaluate(request, facts([broken]))).toMatchObject({ reason: 'policy_invalid' })
    })

    test.each([
      ['another verb', { ...SSAR, verb: 'get' }],
      ['another group', { ...SSAR, apiGroup: 'x.dev' }],
      ['a subresource', { ...SSAR, subresource: 'status' }],
      ['a question about others', { ...SSAR, resource: 'subjectaccessreviews' }],
      ['a token', { ...WHO, resource: 'tokenreviews' }],
      ['one more verb', { ...SSAR, alsoVerbs: ['update'] }],
    ])('is not %s', (_name, asked) => {
      const request = aRequest({ verb: 'create', namespace: '', ...asked })
      expect(evaluate(request, facts([silent]))).toMatchObject({ reason: 'no_rule' })
      expect(needsReview(request, silent, 'Deny')).toBe(false)
    })
  })

  test('denies at a guard, and passes when each requester lifts it', () => {
    const launch = aRequest({ verb: 'create', namespace: 'open' })
    const lifting = aRule({ verbs: ['create'], namespaces: ['open'], lifts: ['launch-outside'] })
    const co = somePrincipalFacts({ name: 'bob', role: 'co-requester' })
    const outside = { namespaceInjected: false }
    expect(evaluate(launch, facts([root], outside))).toMatchObject({
      reason: 'guard',
      guard: 'launch-outside',
    })
    const lifted = { ...root, policies: [lifting] }
    expect(evaluate(launch, facts([lifted, ancestor], outside)).effect).toBe('allow')
    expect(evaluate(launch, facts([lifted, co], outside)).effect).toBe('deny')
  })

  test('lifts a guard only where each judged verb is lifted', () => {
    const shell = aRequest({ subresource: 'exec', alsoVerbs: ['create'] })
    const foreign = { targetRoot: 'other' as const }
    const rule = (verb: string, lifts: readonly 'foreign-pod'[]) => aRule({ verbs: [verb], lifts })
    const under = (policies: readonly AccessPolicy[]) =>
      evaluate(shell, facts([{ ...root, policies }], foreign)).effect
    const lift = ['foreign-pod'] as const
    expect(under([rule('get', lift), rule('create', [])])).toBe('deny')
    expect(under([rule('get', []), rule('create', lift)])).toBe('deny')
    expect(under([rule('get', lift), rule('create', lift)])).toBe('allow')
  })

  test('never turns deny into allow when a principal joins', () => {
    const rule = fc.record({
      effect: fc.constantFrom('Allow' as const, 'Deny' as const),
      verbs: fc.subarray(['get', 'create', '*'], { minLength: 1 }),
      namespaces: fc.subarray(['team', 'open', '*']),
      lifts: fc.subarray(['launch-outside', 'foreign-pod']),
    })
    const principal = fc
      .record({
        name: fc.constantFrom('bob', 'carol', 'system:serviceaccount:team:x'),
        role: fc.constantFrom('co-requester' as const, 'ancestor' as const),
        access: fc.constantFrom('allowed' as const, 'denied' as const, 'unknown' as const),
        rules: fc.array(rule, { maxLength: 3 }),
        invalidPolicies: fc.subarray(['broken']),
      })
      .map(({ name, role, access, rules, invalidPolicies }) => ({
        ...somePrincipalFacts({ name, role }),
        access,
        policies: rules.map(aRule),
        invalidPolicies,
      }))
    const rootFacts = principal.map((other) => ({ ...other, principal: root.principal }))
    const request = fc
      .record({
        verb: fc.constantFrom('get', 'create', ''),
        namespace: fc.constantFrom('team', 'open', ''),
        subresource: fc.constantFrom('', 'exec'),
      })
      .map(aRequest)
    const guard = fc.record({
      namespaceInjected: fc.boolean(),
      targetContainer: fc.constantFrom('', 'lanyard-sidecar'),
      targetRoot: fc.constantFrom('same' as const, 'other' as const, 'unknown' as const),
    })
    const defaults = fc.constantFrom('SubjectAccessReview' as const, 'Deny' as const)
    fc.assert(
      fc.property(
        request,
        rootFacts,
        fc.array(principal, { maxLength: 3 }),
        principal,
        guard,
        defaults,
        (asked, first, others, joining, guardFacts, defaultDecision) => {
          const before: Facts = {
            principals: [first, ...others],
            guard: guardFacts,
            defaultDecision,
          }
          const after: Facts = { ...before, principals: [...before.principals, joining] }
          const effects = [evaluate(asked, before).effect, evaluate(asked, after).effect]
          expect(effects).not.toEqual(['deny', 'allow'])
        },
      ),
      { numRuns: 10_000 },
    )
  })
})

test.each([
  ['no policy names the principal', aRequest({}), [], [], 'SubjectAccessReview' as const, true],
  ['a policy names it', aRequest({}), [aRule({})], [], 'SubjectAccessReview' as const, false],
  ['a broken policy names it', aRequest({}), [], ['x'], 'SubjectAccessReview' as const, false],
  ['the default is Deny', aRequest({}), [], [], 'Deny' as const, false],
  [
    'the URL is outside the resource API',
    aRequest({ resourceRequest: false }),
    [aRule({})],
    [],
    'Deny' as const,
    true,
  ],
])('needsReview() when %s', (_name, request, policies, invalidPolicies, defaultDecision, want) => {
  expect(needsReview(request, { policies, invalidPolicies }, defaultDecision)).toBe(want)
})
