import { describe, expect, test } from 'vitest'
import {
  IMPERSONATED_MAX,
  impersonatedUser,
  impersonationAttributes,
  isImpersonable,
  isImpersonationHeader,
  isImpersonationVerb,
  parseImpersonation,
} from './impersonation.ts'

const nobody = { username: '', uid: '', groups: [], extra: {} }

describe('parseImpersonation()', () => {
  test('is undefined without such a header', () => {
    expect(parseImpersonation(['Host', 'x', 'X-Impersonate-User', 'x'])).toBeUndefined()
  })

  test('reads user, groups, UID and extra in any writing', () => {
    const headers = [
      ...['impersonate-USER', 'tenant', 'Impersonate-Group', 'a', 'impersonate-group', 'b'],
      ...['Impersonate-Uid', '7', 'Impersonate-Extra-Example.com%2FScopes', 'view'],
      ...['impersonate-extra-example.com%2fscopes', 'edit', 'Impersonate-Extra-a%zz', '%41'],
      ...['Impersonate-User', 'tenant'],
    ]
    expect(parseImpersonation(headers)).toEqual({
      user: {
        username: 'tenant',
        uid: '7',
        groups: ['a', 'b'],
        extra: { 'example.com/scopes': ['view', 'edit'], 'a%zz': ['%41'] },
      },
      problem: '',
    })
  })

  test('takes the bytes of a value for UTF-8, as Go does', () => {
    const latin1 = Buffer.from('jürgen').toString('latin1')
    expect(parseImpersonation(['Impersonate-User', latin1])?.user.username).toBe('jürgen')
  })

  test.each([
    ['a header that it does not know', ['Impersonate-Foo', 'x'], 'impersonate-foo is not known'],
    ['one beside a user', ['Impersonate-User', 'x', 'Impersonate-Mode', 'y'], 'not known'],
    ['an underscore', ['impersonate_user', 'x'], 'impersonate_user is not known'],
    ['no user', ['Impersonate-Group', 'system:masters'], 'no Impersonate-User'],
    ['an empty user', ['Impersonate-User', ''], 'impersonate-user has no value'],
    ['an empty group', ['Impersonate-User', 'x', 'Impersonate-Group', ''], 'has no value'],
    ['two users', ['Impersonate-User', 'x', 'Impersonate-User', 'y'], 'two users'],
    ['two UIDs', ['Impersonate-User', 'x', 'Impersonate-Uid', '1', 'Impersonate-Uid', '2'], 'UIDs'],
    ['bytes that are no text', ['Impersonate-User', '\u00ff'], 'not UTF-8'],
    ['a key that is no text', ['Impersonate-User', 'x', 'Impersonate-Extra-%ff', 'y'], 'not UTF-8'],
    ['a node without its groups', ['Impersonate-User', 'system:node:n1'], 'system:nodes'],
    ['an empty key', ['Impersonate-User', 'x', 'Impersonate-Extra-', 'y'], 'empty'],
    ['a long name', ['Impersonate-User', 'x'.repeat(1_025)], 'too long'],
    [
      'too many groups',
      ['Impersonate-User', 'x', ...Array(IMPERSONATED_MAX).fill(['Impersonate-Group', 'g']).flat()],
      'more than 64',
    ],
    [
      'much text',
      [
        'Impersonate-User',
        'x',
        ...Array(9)
          .fill(['Impersonate-Group', 'g'.repeat(1_000)])
          .flat(),
      ],
      'too long',
    ],
  ])('has a problem with %s', (_name, headers, problem) => {
    expect(parseImpersonation(headers)?.problem).toContain(problem)
  })
})

// Only a bare name is read in two ways: kube-apiserver's node modes want it so (onlyUsernameSet).
test.each([
  ['its groups', ['Impersonate-User', 'system:node:n1', 'Impersonate-Group', 'system:nodes']],
  ['a UID', ['Impersonate-User', 'system:node:n1', 'Impersonate-Uid', '7']],
  ['extra', ['Impersonate-User', 'system:node:n1', 'Impersonate-Extra-a', 'b']],
  ['a name that is no node', ['Impersonate-User', 'system:node:']],
  ['a name that begins alike', ['Impersonate-User', 'system:nodes']],
])('parseImpersonation() takes a node with %s', (_name, headers) => {
  expect(parseImpersonation(headers)?.problem).toBe('')
})

test.each([
  ['impersonate', true],
  ['impersonate:user-info', true],
  ['impersonate:associated-node', true],
  ['impersonate-on:user-info:list', true],
  ['impersonate-on:serviceaccount:get', true],
  ['impersonated', false],
  ['impersonate-', false],
  ['x-impersonate', false],
  ['get', false],
  ['', false],
])('isImpersonationVerb() of "%s" is %s', (verb, want) => {
  expect(isImpersonationVerb(verb)).toBe(want)
})

test.each([
  ['Impersonate-User', true],
  ['IMPERSONATE_GROUP', true],
  ['Impersonate-Anything', true],
  ['X-Impersonate-User', false],
  ['Impersonate', false],
])('isImpersonationHeader() of %s is %s', (name, want) => {
  expect(isImpersonationHeader(name)).toBe(want)
})

const account = 'system:serviceaccount:team:worker'
const accountGroups = ['system:serviceaccounts', 'system:serviceaccounts:team']

// As WithImpersonation in kube-apiserver's impersonation.go.
test.each([
  ['a user', 'tenant', [], ['system:authenticated']],
  ['groups', 'tenant', ['a'], ['a', 'system:authenticated']],
  ['system:authenticated', 'tenant', ['system:authenticated'], ['system:authenticated']],
  ['system:unauthenticated', 'tenant', ['system:unauthenticated'], ['system:unauthenticated']],
  ['an account', account, [], [...accountGroups, 'system:authenticated']],
  ['an account with groups', account, ['a'], ['a', 'system:authenticated']],
  ['what is no account', 'system:serviceaccount:Team:x', [], ['system:authenticated']],
  ['anonymous', 'system:anonymous', [], ['system:unauthenticated']],
  ['anonymous with groups', 'system:anonymous', ['a'], ['a', 'system:unauthenticated']],
  [
    'anonymous as authenticated',
    'system:anonymous',
    ['system:authenticated'],
    ['system:authenticated', 'system:unauthenticated'],
  ],
])('impersonatedUser() gives %s the groups of kube-apiserver', (_name, username, groups, want) => {
  expect(impersonatedUser({ user: { ...nobody, username, groups } }).groups).toEqual(want)
})

test.each([
  ['', 'users', true],
  ['', 'groups', true],
  ['', 'serviceaccounts', true],
  ['authentication.k8s.io', 'userextras', true],
  ['authentication.k8s.io', 'uids', true],
  ['', '*', true],
  ['*', '*', true],
  ['*', 'uids', true],
  ['authentication.k8s.io', 'users', true],
  ['authentication.k8s.io', 'nodes', true],
  ['', 'nodes', false],
  ['', 'pods', false],
  ['*', 'pods', false],
  ['apps', '*', false],
  ['constructor', 'users', false],
  ['', '', false],
])('isImpersonable() of %j %j is %j', (apiGroup, resource, expected) => {
  expect(isImpersonable({ apiGroup, resource })).toBe(expected)
})

describe('impersonationAttributes()', () => {
  test('asks for the user, each group, each value of extra and the UID', () => {
    const user = { username: 'tenant', uid: '7', groups: ['a'], extra: { 'x/y': ['1', '2'] } }
    const asked = impersonationAttributes({ user }).map(
      ({ verb, apiGroup, resource, subresource, namespace, name }) =>
        [verb, apiGroup, resource, subresource, namespace, name].join(' '),
    )
    expect(asked).toEqual([
      'impersonate  users   tenant',
      'impersonate  groups   a',
      'impersonate authentication.k8s.io userextras x/y  1',
      'impersonate authentication.k8s.io userextras x/y  2',
      'impersonate authentication.k8s.io uids   7',
    ])
  })

  test.each([
    [account, 'serviceaccounts', 'team', 'worker'],
    ['system:serviceaccount:team:a.b', 'serviceaccounts', 'team', 'a.b'],
    ['system:serviceaccount:Team:x', 'users', '', 'system:serviceaccount:Team:x'],
    ['system:serviceaccount:team:X', 'users', '', 'system:serviceaccount:team:X'],
    ['system:serviceaccount:team:', 'users', '', 'system:serviceaccount:team:'],
    ['system:serviceaccount:team:x:y', 'users', '', 'system:serviceaccount:team:x:y'],
    ['system:admin', 'users', '', 'system:admin'],
  ])('judges %s as %s', (username, resource, namespace, name) => {
    const [who] = impersonationAttributes({ user: { ...nobody, username } })
    expect(who).toMatchObject({ resource, namespace, name })
  })
})
