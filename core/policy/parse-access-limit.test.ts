import { describe, expect, test } from 'vitest'
import { NO_OBLIGATIONS } from './obligations.ts'
import { parseAccessCeiling, parseNarrowingPolicy } from './parse-access-limit.ts'

const rule = { name: 'r', effect: 'Deny', apiGroups: [''], resources: ['secrets'], verbs: ['*'] }
const ceiling = (rules: unknown, others: object = {}) =>
  parseAccessCeiling({ metadata: { name: 'base' }, spec: { rules, ...others } })
const narrowing = (rules: unknown, others: object = {}) =>
  parseNarrowingPolicy({
    metadata: { name: 'quiet', namespace: 'team' },
    spec: { rules, ...others },
  })

describe('parseAccessCeiling()', () => {
  test('reads a ceiling for everybody', () => {
    expect(ceiling([{ ...rule, namespaces: ['*'] }])).toEqual({
      ok: true,
      limit: {
        ...{ kind: 'AccessCeiling', name: 'base', namespace: '' },
        rules: [{ ...rule, namespaces: ['*'], lifts: [], obligations: NO_OBLIGATIONS }],
      },
    })
  })

  test('reads whom it holds for', () => {
    const subjects = [{ kind: 'Group', name: 'agents' }]
    expect(ceiling([rule], { subjects })).toMatchObject({
      ok: true,
      limit: { subjects: [{ kind: 'Group', name: 'agents', namespace: '' }] },
    })
  })

  test.each([
    ['no rules', [], {}, /spec\.rules: must be a list/],
    ['an approval', [{ ...rule, effect: 'RequireApproval' }], {}, /effect: must be Allow or Deny/],
    [
      'a lift',
      [{ ...rule, effect: 'Allow', lifts: ['sidecar'] }],
      {},
      /lifts: is not a known field/,
    ],
    [
      'commands',
      [{ ...rule, effect: 'Allow', commands: {} }],
      {},
      /commands: is not a known field/,
    ],
    ['no name of a rule', [{ ...rule, name: '' }], {}, /rules\[0\]\.name: must be there/],
    ['two rules of one name', [rule, rule], {}, /"r" is used twice/],
    ['a mask of a Deny', [{ ...rule, mask: ['secret-values'] }], {}, /only an Allow can mask/],
    ['a broken condition', [{ ...rule, when: '(' }], {}, /when: is not an expression/],
    ['nobody', [rule], { subjects: [] }, /spec\.subjects: must be a list/],
    ['an unknown field', [rule], { mode: 'x' }, /spec\.mode: is not a known field/],
  ])('refuses %s', (_name, rules, others, problem) => {
    const parsed = ceiling(rules, others)
    expect(parsed).toMatchObject({ ok: false, invalid: { kind: 'AccessCeiling', name: 'base' } })
    expect(parsed).toHaveProperty(
      'invalid.problems',
      expect.arrayContaining([expect.stringMatching(problem)]),
    )
  })

  test('holds for everybody when its subjects cannot be read', () => {
    const parsed = ceiling([rule], { subjects: [{ kind: 'Robot', name: 'x' }] })
    expect(parsed).not.toHaveProperty('invalid.subjects')
    const readable = ceiling([], { subjects: [{ kind: 'User', name: 'alice' }] })
    expect(readable).toMatchObject({ invalid: { subjects: [{ name: 'alice' }] } })
  })

  test.each([[undefined], [null], ['x'], [[]]])('refuses %j without throwing', (object) => {
    expect(parseAccessCeiling(object).ok).toBe(false)
  })
})

describe('parseNarrowingPolicy()', () => {
  test('reads rules about its own namespace', () => {
    const restrict = { ...rule, name: 's', effect: 'Restrict', mask: ['secret-values'] }
    expect(narrowing([rule, restrict])).toMatchObject({
      ok: true,
      limit: {
        ...{ kind: 'NarrowingPolicy', name: 'quiet', namespace: 'team' },
        rules: [
          { effect: 'Deny', namespaces: ['team'] },
          { effect: 'Allow', namespaces: ['team'], obligations: { mask: ['secret-values'] } },
        ],
      },
    })
  })

  test.each([
    [
      'an Allow',
      { ...rule, effect: 'Allow' },
      /must be Deny or Restrict; a NarrowingPolicy allows nothing/,
    ],
    ['another namespace', { ...rule, namespaces: ['open'] }, /leave namespaces out/],
    [
      'a Restrict that asks for nothing',
      { ...rule, effect: 'Restrict' },
      /must say what is done: mask or record/,
    ],
  ])('refuses %s', (_name, one, problem) => {
    expect(narrowing([one])).toHaveProperty(
      'invalid.problems',
      expect.arrayContaining([expect.stringMatching(problem)]),
    )
  })
})
