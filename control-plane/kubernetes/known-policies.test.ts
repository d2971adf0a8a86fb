import { expect, test } from 'vitest'
import { serviceAccountUser, type UserInfo } from '../../core/kubernetes/user-info.ts'
import { parseAccessPolicy } from '../../core/policy/parse-access-policy.ts'
import { aUser } from '../../test/support/record-builders.ts'
import { KnownPolicies } from './known-policies.ts'

const RULE = { name: 'r', effect: 'Allow', apiGroups: [''], resources: ['pods'], verbs: ['get'] }

const aPolicy = (name: string, subjects: readonly object[], rules: readonly object[] = [RULE]) =>
  parseAccessPolicy({ metadata: { name }, spec: { subjects, rules } })

const ALICE = { kind: 'User', name: 'alice' }
const DEVELOPERS = { kind: 'Group', name: 'developers' }
const BUILDER = { kind: 'ServiceAccount', name: 'builder', namespace: 'team' }

/** Of every kind of subject, a broken one of alice, and one whose subjects cannot be read. */
const ALL = [
  aPolicy('of-alice', [ALICE]),
  aPolicy('of-developers', [DEVELOPERS]),
  aPolicy('of-builder', [BUILDER]),
  aPolicy('of-both', [{ kind: 'User', name: 'bob' }, ALICE]),
  aPolicy('broken', [ALICE], [{ ...RULE, effect: 'Perhaps' }]),
  aPolicy('of-nobody', []),
]

const namesOf = (known: KnownPolicies, user: UserInfo) => {
  const { policies, invalid } = known.of(user)
  return { policies: policies.map(({ name }) => name), invalid: invalid.map(({ name }) => name) }
}

test.each<[string, UserInfo, string[], string[]]>([
  ['a user', aUser('alice', []), ['of-alice', 'of-both'], ['broken']],
  ['a member of a group', aUser('carol'), ['of-developers'], []],
  ['both', aUser('alice'), ['of-alice', 'of-developers', 'of-both'], ['broken']],
  ['a service account', serviceAccountUser('team', 'builder'), ['of-builder'], []],
  ['one of another namespace', serviceAccountUser('open', 'builder'), [], []],
  ['a user of whom no policy speaks', aUser('dora', []), [], []],
  ['a user with the name of a group', aUser('developers', []), [], []],
  ['an empty name', aUser('', ['']), [], []],
])('KnownPolicies.of() finds what names %s', (_name, user, policies, invalid) => {
  const known = new KnownPolicies()
  known.replace(ALL)
  expect(namesOf(known, user)).toEqual({ policies, invalid })
})

test('KnownPolicies.of() knows nothing at first', () => {
  expect(namesOf(new KnownPolicies(), aUser('alice'))).toEqual({ policies: [], invalid: [] })
})

test('KnownPolicies.replace() forgets every answer that was given', () => {
  const known = new KnownPolicies()
  const alice = aUser('alice', [])
  expect(namesOf(known, alice).policies).toEqual([])
  known.replace(ALL)
  expect(namesOf(known, alice).policies).toEqual(['of-alice', 'of-both'])
  known.replace([aPolicy('later', [ALICE])])
  expect(namesOf(known, alice)).toEqual({ policies: ['later'], invalid: [] })
  known.replace([])
  expect(namesOf(known, alice)).toEqual({ policies: [], invalid: [] })
})

test('KnownPolicies.of() reads the policies once for the same user object', () => {
  const known = new KnownPolicies()
  known.replace(ALL)
  const alice = aUser('alice')
  expect(known.of(alice)).toBe(known.of(alice))
  expect(known.of(aUser('alice'))).toEqual(known.of(alice))
})
