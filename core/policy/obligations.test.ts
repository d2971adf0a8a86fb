import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { aRequest, aRule, somePrincipalFacts } from '../../test/support/policy-builders.ts'
import { evaluate, type Facts, type PrincipalFacts } from './evaluate.ts'
import { masksOf } from './mask-answers.ts'
import { covers, describeObligations, isFree, NO_OBLIGATIONS, unionOf } from './obligations.ts'
import { obligationsAbout } from './record-tunnels.ts'

const obligations = fc.record({
  mask: fc.subarray(['env-values', 'config-values', 'secret-values']),
  record: fc.constantFrom('none' as const, 'output' as const, 'all' as const),
  commands: fc.subarray([['rm', '*'], ['sh']]),
})

describe('unionOf()', () => {
  test('of nothing is nothing', () => {
    expect(unionOf([])).toBe(NO_OBLIGATIONS)
    expect(unionOf([NO_OBLIGATIONS, NO_OBLIGATIONS])).toBe(NO_OBLIGATIONS)
  })

  test('has what any has, each once', () => {
    const one = { mask: ['b', 'a'], record: 'none' as const, commands: [['rm', '*']] }
    const other = { mask: ['a'], record: 'output' as const, commands: [['rm', '*'], ['rm']] }
    expect(unionOf([one, NO_OBLIGATIONS, other])).toEqual({
      mask: ['a', 'b'],
      record: 'output',
      commands: [['rm', '*'], ['rm']],
    })
  })

  test('does not take two words for one with a blank', () => {
    const commands = [['rm -rf'], ['rm', '-rf']]
    expect(unionOf([{ ...NO_OBLIGATIONS, commands }]).commands).toHaveLength(2)
  })

  test('is the same in any order', () => {
    fc.assert(
      fc.property(fc.array(obligations, { maxLength: 5 }), (all) => {
        expect(unionOf([...all].reverse())).toEqual(unionOf(all))
      }),
    )
  })
})

test.each([
  ['nothing', {}, true],
  ['a mask', { mask: ['x'] }, false],
  ['a recording', { record: 'output' as const }, false],
  ['a command', { commands: [[]] }, false],
])('isFree() of %s', (_name, parts, want) => {
  expect(isFree({ ...NO_OBLIGATIONS, ...parts })).toBe(want)
})

test.each([
  ['nothing', {}, {}, true],
  ['a recording of output', { record: 'all' as const }, { record: 'output' as const }, true],
  ['more of a recording', { record: 'output' as const }, { record: 'all' as const }, false],
  ['a recording by none', {}, { record: 'output' as const }, false],
  ['a mask', { mask: ['a', 'b'] }, { mask: ['b'] }, true],
  ['another mask', { mask: ['a'] }, { mask: ['b'] }, false],
  ['a command', { commands: [['rm', '*']] }, { commands: [['rm', '*']] }, true],
  ['another command', { commands: [['rm *']] }, { commands: [['rm', '*']] }, false],
])('covers() %s', (_name, done, wanted, want) => {
  expect(covers({ ...NO_OBLIGATIONS, ...done }, { ...NO_OBLIGATIONS, ...wanted })).toBe(want)
})

test('describeObligations() names each', () => {
  const all = { mask: ['secret-values'], record: 'all' as const, commands: [['rm', '*']] }
  expect(describeObligations(all)).toBe(
    'it may pass only with these obligations: mask secret-values; record all; no command "rm *"',
  )
})

/* Chains of a root requester and others, under rules of every kind. */

const rule = fc.record({
  effect: fc.constantFrom('Allow' as const, 'RequireApproval' as const, 'Deny' as const),
  verbs: fc.subarray(['get', 'create', '*'], { minLength: 1 }),
  namespaces: fc.subarray(['team', '*'], { minLength: 1 }),
  obligations,
})
const others = fc.array(
  fc.record({
    role: fc.constantFrom('co-requester' as const, 'ancestor' as const),
    rules: fc.array(rule, { maxLength: 3 }),
  }),
  { maxLength: 3 },
)
const rules = fc.array(rule, { minLength: 1, maxLength: 4 })
const request = fc
  .record({
    verb: fc.constantFrom('get', 'create'),
    subresource: fc.constantFrom('', 'exec'),
    alsoVerbs: fc.subarray(['create']),
    namespace: fc.constantFrom('team', 'open', ''),
  })
  .map(aRequest)

function facts(principals: readonly PrincipalFacts[]): Facts {
  const guard = { namespaceInjected: true, targetContainer: '', targetRoot: 'same' } as const
  return { principals, guard, defaultDecision: 'SubjectAccessReview' }
}

function principal(
  name: string,
  role: PrincipalFacts['principal']['role'],
  all: readonly Parameters<typeof aRule>[0][],
): PrincipalFacts {
  const policies = all.map((parts, index) => ({ ...aRule(parts), name: `${name}-${index}` }))
  return { ...somePrincipalFacts({ name, role }), policies }
}

const chain = fc
  .tuple(rules, others)
  .map(([ofRoot, rest]) => [
    principal('alice', 'root requester', ofRoot),
    ...rest.map((other, index) => principal(`other-${index}`, other.role, other.rules)),
  ])
const STRICTNESS = ['allow', 'hold', 'deny'] as const

describe('evaluate()', () => {
  test('asks for the obligations of every principal and every rule that matched', () => {
    fc.assert(
      fc.property(request, chain, (asked, principals) => {
        const decision = evaluate(asked, facts(principals))
        fc.pre(decision.effect !== 'deny')
        const matched = decision.matches.flatMap((one) => one.rules.map(({ name }) => name))
        const wanted = principals
          .flatMap(({ policies }) => policies)
          .filter(({ name }) => matched.includes(`${name}/rule`))
          .flatMap((policy) => policy.rules.map((one) => obligationsAbout(one.obligations, asked)))
        // A mask holds for every verb.
        const masks = principals.map(({ policies }) => masksOf(policies, asked))
        expect(decision).toHaveProperty('obligations', unionOf([...wanted, ...masks]))
      }),
      { numRuns: 3_000 },
    )
  })

  test('lets a deny beat a hold, and a hold beat an allow', () => {
    fc.assert(
      fc.property(request, chain, (asked, principals) => {
        const each = principals.map((one) => {
          const alone = { ...one, principal: { ...one.principal, role: 'root requester' as const } }
          return STRICTNESS.indexOf(evaluate(asked, facts([alone])).effect)
        })
        const together = evaluate(asked, facts(principals)).effect
        expect(together).toBe(STRICTNESS[Math.max(...each)])
      }),
      { numRuns: 3_000 },
    )
  })

  test('never gets looser when a principal joins', () => {
    fc.assert(
      fc.property(request, chain, rules, (asked, principals, joining) => {
        const more = [...principals, principal('joining', 'co-requester', joining)]
        const before = evaluate(asked, facts(principals))
        const after = evaluate(asked, facts(more))
        const strictness = [before, after].map(({ effect }) => STRICTNESS.indexOf(effect))
        expect(strictness[1]).toBeGreaterThanOrEqual(strictness[0] ?? 0)
        fc.pre(before.effect !== 'deny' && after.effect !== 'deny')
        const union = unionOf([before.obligations, after.obligations])
        expect(union).toEqual(after.obligations)
      }),
      { numRuns: 3_000 },
    )
  })

  test('gives the same effect and obligations in any order of the principals', () => {
    fc.assert(
      fc.property(request, chain, fc.nat(), (asked, principals, turn) => {
        const at = turn % principals.length
        const turned = [...principals.slice(at), ...principals.slice(0, at)]
        const pick = (decision: ReturnType<typeof evaluate>) => ({
          effect: decision.effect,
          obligations: decision.effect === 'deny' ? undefined : decision.obligations,
        })
        expect(pick(evaluate(asked, facts(turned)))).toEqual(
          pick(evaluate(asked, facts(principals))),
        )
      }),
      { numRuns: 3_000 },
    )
  })

  test('holds a list of all namespaces that reaches into one where an approval is required', () => {
    const all = aRule({ verbs: ['list'], namespaces: ['*'] })
    const approval = aRule({ effect: 'RequireApproval', verbs: ['list'], namespaces: ['team'] })
    const root = principal('alice', 'root requester', [])
    const decision = evaluate(
      aRequest({ verb: 'list', namespace: '' }),
      facts([{ ...root, policies: [all, { ...approval, name: 'careful' }] }]),
    )
    expect(decision).toMatchObject({
      effect: 'hold',
      reason: 'approval_required',
      rule: 'careful/rule',
    })
  })

  test('keeps each rule that matched, by principal, of a refusal too', () => {
    const root = principal('alice', 'root requester', [{}])
    const bob = principal('bob', 'co-requester', [{ effect: 'Deny' }, {}, { verbs: ['delete'] }])
    expect(evaluate(aRequest({}), facts([root, bob])).matches).toEqual([
      { principal: root.principal, rules: [{ name: 'alice-0/rule', effect: 'Allow' }] },
      {
        principal: bob.principal,
        rules: [
          { name: 'bob-0/rule', effect: 'Deny' },
          { name: 'bob-1/rule', effect: 'Allow' },
        ],
      },
    ])
  })
})
