import { describe, expect, test } from 'vitest'
import { isMaskProfileId, maskNameOf } from './mask-profile.ts'
import { parseMaskPath } from './parse-mask-path.ts'
import { parseMaskProfile } from './parse-mask-profile.ts'

const field = { apiGroups: ['pay.example.com'], resources: ['cards'], path: '.spec.number' }
const pattern = {
  name: 'staff-number',
  pattern: 'EMP-(?P<secret>[0-9]{6})',
  examples: ['x EMP-123456'],
}

function profile(spec: unknown): unknown {
  return { metadata: { name: 'payments' }, spec }
}

function problemsOf(object: unknown): readonly string[] {
  const parsed = parseMaskProfile(object)
  return parsed.ok ? [] : parsed.invalid.problems
}

describe('parseMaskProfile()', () => {
  test('reads a whole one', () => {
    const parsed = parseMaskProfile(profile({ fields: [field], patterns: [pattern] }))
    expect(parsed).toMatchObject({
      ok: true,
      profile: {
        name: 'payments',
        fields: [{ apiGroup: 'pay.example.com', resource: 'cards', path: ['spec', 'number'] }],
        patterns: [{ name: expect.stringMatching(/^payments@[0-9a-f]{16}$/) }],
      },
    })
  })

  test('has the same id for the same spec, read again from its definition, and another for another', () => {
    const idOf = (object: unknown) => {
      const parsed = parseMaskProfile(object)
      return parsed.ok ? parsed.profile : { id: '', definition: '' }
    }
    const one = idOf({ ...(profile({ fields: [field] }) as object), status: { a: 1 } })
    expect(isMaskProfileId(one.id)).toBe(true)
    expect(maskNameOf(one.id)).toBe('payments')
    expect(idOf(JSON.parse(one.definition))).toEqual(one)
    expect(idOf(profile({ fields: [{ ...field, path: '.spec.cvc' }] })).id).not.toBe(one.id)
  })

  test.each([
    ['nothing', undefined, 'metadata.name'],
    ['no name', { spec: { fields: [field] } }, 'metadata.name'],
    ['neither fields nor patterns', profile({}), 'hides nothing'],
    ['an empty list', profile({ fields: [] }), 'spec.fields: must be a list'],
    ['an unknown key', profile({ fields: [field], path: 'x' }), 'spec.path: is not known'],
    ['a field without a group', profile({ fields: [{ ...field, apiGroups: [] }] }), 'apiGroups'],
    [
      'a subresource',
      profile({ fields: [{ ...field, resources: ['cards/status'] }] }),
      'without a subresource',
    ],
    [
      'a path with a filter',
      profile({ fields: [{ ...field, path: '.a[?(@.b)]' }] }),
      'without filters',
    ],
    [
      'a pattern that is no RE2',
      profile({ patterns: [{ ...pattern, pattern: '(?=x)' }] }),
      'is no RE2',
    ],
    ['a back-reference', profile({ patterns: [{ ...pattern, pattern: '(a)\\1' }] }), 'is no RE2'],
    [
      'a pattern that matches nothing',
      profile({ patterns: [{ ...pattern, pattern: 'x*' }] }),
      'matches the empty text',
    ],
    [
      'a pattern that is too large',
      profile({ patterns: [{ ...pattern, pattern: '[a-z]{1000}'.repeat(9) }] }),
      'too large',
    ],
    [
      'a pattern without an example',
      profile({ patterns: [{ ...pattern, examples: [] }] }),
      'examples: must be a list',
    ],
    [
      'an example that does not match',
      profile({ patterns: [{ ...pattern, examples: ['EMP-1'] }] }),
      'does not match its example "EMP-1"',
    ],
    [
      'a look-alike that matches',
      profile({ patterns: [{ ...pattern, lookAlikes: ['EMP-000000'] }] }),
      'which it must not',
    ],
    [
      'an example of two lines',
      profile({ patterns: [{ ...pattern, examples: ['a\nEMP-123456'] }] }),
      'must be one line',
    ],
    [
      'the name of a built-in mask',
      { metadata: { name: 'credentials' }, spec: { fields: [field] } },
      'is a built-in mask',
    ],
    ['every group', profile({ fields: [{ ...field, apiGroups: ['*'] }] }), '"*" is no API group'],
    ['every resource', profile({ fields: [{ ...field, resources: ['*'] }] }), '"*" is no resource'],
    [
      'the name of objects',
      profile({ fields: [{ ...field, path: '.metadata.name' }] }),
      'metadata.name says which object it is',
    ],
    ['all metadata', profile({ fields: [{ ...field, path: 'metadata' }] }), 'cannot be hidden'],
    [
      'too many places',
      profile({
        fields: Array.from({ length: 41 }, () => ({
          ...field,
          apiGroups: ['a', 'b', 'c', 'd', 'e'],
          resources: ['a', 'b', 'c', 'd', 'e'],
        })),
      }),
      'over 1024 places',
    ],
    [
      'too long a definition',
      profile({
        fields: Array.from({ length: 256 }, () => ({ ...field, path: `.a${'a'.repeat(250)}` })),
      }),
      'over 65536 characters',
    ],
    ['a name twice', profile({ patterns: [pattern, pattern] }), 'is used twice'],
    ['a name with spaces', profile({ patterns: [{ ...pattern, name: 'a b' }] }), 'lower-case'],
  ])('refuses %s', (_name, object, problem) => {
    expect(problemsOf(object).join('\n')).toContain(problem)
  })
})

test.each([
  ['.spec.number', ['spec', 'number']],
  ['spec.cards[*].number', ['spec', 'cards', '*', 'number']],
  ["data['tls.key']", ['data', 'tls.key']],
  ['{.data.*}', ['data', '*']],
  ['$.items[0].a', ['items', '0', 'a']],
  ['..password', ['**', 'password']],
  ['spec..token', ['spec', '**', 'token']],
  ['', undefined],
  ['.', undefined],
  ['a..', undefined],
  ['a[?(@.b==1)]', undefined],
  ['a[0:2]', undefined],
  [`a${'.b'.repeat(40)}`, undefined],
])('parseMaskPath() reads %j as %j', (text, want) => {
  expect(parseMaskPath(text)).toEqual(want)
})
