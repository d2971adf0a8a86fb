import { describe, expect, test } from 'vitest'
import { NO_OBLIGATIONS } from './obligations.ts'
import { parseAccessPolicy } from './parse-access-policy.ts'

const rule = {
  name: 'read',
  effect: 'Allow',
  apiGroups: [''],
  resources: ['pods', 'pods/log'],
  verbs: ['get'],
  namespaces: ['team'],
}
const shells = { ...rule, resources: ['pods/exec'], verbs: ['create'] }
const spec = { subjects: [{ kind: 'User', name: 'alice' }], rules: [rule] }

function policy(changed: object): unknown {
  return { metadata: { name: 'x' }, spec: { ...spec, ...changed } }
}

describe('parseAccessPolicy()', () => {
  test('reads a whole policy', () => {
    expect(parseAccessPolicy(policy({}))).toEqual({
      ok: true,
      policy: {
        name: 'x',
        subjects: [{ kind: 'User', name: 'alice', namespace: '' }],
        rules: [{ ...rule, lifts: [], obligations: NO_OBLIGATIONS }],
      },
    })
  })

  test.each([
    [['pods/exec'], 'output'],
    [['pods/portforward', 'pods'], 'all'],
    [['*/attach'], 'all'],
    [['*'], 'output'],
  ] as const)('reads record of a rule for %j: %s', (resources, record) => {
    const parsed = parseAccessPolicy(policy({ rules: [{ ...rule, resources, record }] }))
    const obligations = { ...NO_OBLIGATIONS, record }
    expect(parsed).toMatchObject({ ok: true, policy: { rules: [{ obligations }] } })
  })

  test.each([
    [['pods'], ['env-values']],
    [['secrets'], ['secret-values']],
    [['pods/log', 'pods/exec'], ['credentials']],
    [
      ['secrets/status', 'configmaps'],
      ['secret-values', 'config-values'],
    ],
    [['*'], ['secret-values', 'env-values', 'env-values', 'config-values']],
  ])('reads mask of a rule for %j: %j', (resources, mask) => {
    const parsed = parseAccessPolicy(policy({ rules: [{ ...rule, resources, mask }] }))
    const obligations = { ...NO_OBLIGATIONS, mask: [...new Set(mask)].sort() }
    expect(parsed).toMatchObject({ ok: true, policy: { rules: [{ obligations }] } })
  })

  test.each([
    ['no spec', { metadata: { name: 'x' } }, /^spec: /],
    ['no subjects', policy({ subjects: [] }), /spec\.subjects: must be a list/],
    ['no rules', policy({ rules: undefined }), /spec\.rules: must be a list/],
    ['an unknown kind', policy({ subjects: [{ kind: 'Robot', name: 'x' }] }), /kind: must be User/],
    [
      'a service account without namespace',
      policy({ subjects: [{ kind: 'ServiceAccount', name: 'x' }] }),
      /namespace: must be there/,
    ],
    [
      'a user with a namespace',
      policy({ subjects: [{ kind: 'User', name: 'x', namespace: 'y' }] }),
      /for a ServiceAccount only/,
    ],
    [
      'an unknown effect',
      policy({ rules: [{ ...rule, effect: 'Ask' }] }),
      /effect: must be Allow, RequireApproval or Deny/,
    ],
    [
      'an effect that asks nobody',
      policy({ rules: [{ ...rule, effect: 'RequireApproval' }] }),
      /approval: must say who approves/,
    ],
    [
      'a mask that there is not',
      policy({ rules: [{ ...rule, mask: ['faces'] }] }),
      /rules\[0\]\.mask: no mask is called "faces"; there are secret-values, env-values.*no MaskProfile/,
    ],
    [
      'masks that are no list',
      policy({ rules: [{ ...rule, mask: 'env-values' }] }),
      /mask: must be a list/,
    ],
    ['a list of no masks', policy({ rules: [{ ...rule, mask: [] }] }), /mask: must be a list/],
    [
      'a mask that hides nothing of what the rule names',
      policy({ rules: [{ ...rule, mask: ['secret-values'] }] }),
      /secret-values hides nothing in what the rule names; name secrets or configmaps/,
    ],
    [
      'a mask of logs alone',
      policy({ rules: [{ ...rule, resources: ['pods/log'], mask: ['env-values'] }] }),
      /env-values hides nothing/,
    ],
    [
      'a mask by a Deny',
      policy({ rules: [{ ...rule, effect: 'Deny', mask: ['env-values'] }] }),
      /mask: only an Allow can mask/,
    ],
    [
      'less of a recording',
      policy({ rules: [{ ...shells, record: 'none' }] }),
      /record: must be output or all; a rule asks for more/,
    ],
    [
      'a recording that is no text',
      policy({ rules: [{ ...shells, record: true }] }),
      /record: must be output or all/,
    ],
    [
      'a recording by a Deny',
      policy({ rules: [{ ...shells, effect: 'Deny', record: 'all' }] }),
      /record: only an Allow can record/,
    ],
    [
      'a recording of what opens no session',
      policy({ rules: [{ ...rule, record: 'all' }] }),
      /record: the rule must name pods\/exec, pods\/attach or pods\/portforward/,
    ],
    [
      'an approval of an Allow',
      policy({ rules: [{ ...rule, approval: {} }] }),
      /approval: is for the effect RequireApproval only/,
    ],
    [
      'a condition that is no expression',
      policy({ rules: [{ ...rule, when: 'request.verb ==' }] }),
      /rules\[0\]\.when: is not an expression of CEL/,
    ],
    [
      'names with a wildcard',
      policy({ rules: [{ ...rule, resourceNames: ['x-*'] }] }),
      /resourceNames: "x-\*" is not the name of an object; leave resourceNames out/,
    ],
    [
      'an empty list of names',
      policy({ rules: [{ ...rule, resourceNames: [] }] }),
      /resourceNames: must be a list/,
    ],
    [
      'an empty name',
      policy({ rules: [{ ...rule, resourceNames: [''] }] }),
      /resourceNames: "" is not the name/,
    ],
    [
      'a misspelt field',
      policy({ rules: [{ ...rule, namespace: ['team'] }] }),
      /namespace: is not a known field/,
    ],
    ['a misspelt top-level field', policy({ mode: 'x' }), /spec\.mode: is not a known field/],
    ['no verbs', policy({ rules: [{ ...rule, verbs: [] }] }), /verbs: must be a list/],
    [
      'an empty list of namespaces',
      policy({ rules: [{ ...rule, namespaces: [] }] }),
      /namespaces: must be a list/,
    ],
    [
      'a prefix pattern',
      policy({ rules: [{ ...rule, namespaces: ['team-*'] }] }),
      /"team-\*" matches nothing/,
    ],
    [
      'pods/*',
      policy({ rules: [{ ...rule, resources: ['pods/*'] }] }),
      /"pods\/\*" is not a resource/,
    ],
    ['a number', policy({ rules: [{ ...rule, verbs: [1] }] }), /must hold strings only/],
    ['two rules of one name', policy({ rules: [rule, rule] }), /"read" is used twice/],
    [
      'an unknown guard',
      policy({ rules: [{ ...rule, lifts: ['toString'] }] }),
      /no guard is called "toString"/,
    ],
    [
      'a Deny that lifts',
      policy({ rules: [{ ...rule, effect: 'Deny', lifts: ['sidecar'] }] }),
      /only an Allow can lift/,
    ],
  ])('refuses %s', (_name, object, problem) => {
    const parsed = parseAccessPolicy(object)
    expect(parsed).toMatchObject({ ok: false })
    expect(parsed).toHaveProperty(
      'invalid.problems',
      expect.arrayContaining([expect.stringMatching(problem)]),
    )
  })

  test('reads names of objects and a condition', () => {
    const narrow = { ...rule, resourceNames: ['web'], when: "now.getHours('UTC') < 8" }
    expect(parseAccessPolicy(policy({ rules: [narrow] }))).toMatchObject({
      ok: true,
      policy: {
        rules: [{ resourceNames: ['web'], when: { source: narrow.when, readsTime: true } }],
      },
    })
  })

  test('keeps the subjects of a policy that it refuses, so that they can be denied', () => {
    const parsed = parseAccessPolicy(policy({ rules: [{ ...rule, mask: ['x'] }] }))
    expect(parsed).toMatchObject({
      invalid: { name: 'x', subjects: [{ kind: 'User', name: 'alice' }] },
    })
  })

  test.each([[undefined], [null], ['text'], [[]]])('refuses %j without throwing', (object) => {
    expect(parseAccessPolicy(object).ok).toBe(false)
  })
})
