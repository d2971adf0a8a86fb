import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import type { UserInfo } from '../../core/kubernetes/user-info.ts'
import { aRequest } from '../../test/support/policy-builders.ts'
import { aUser } from '../../test/support/record-builders.ts'
import { reviewKey } from './review-key.ts'

/** Few letters, those that keys are often joined with among them, so that clashes come soon. */
const word = fc.stringMatching(/^[a/+ :,"[\]1]{0,4}$/)
const user = fc.record({
  username: word,
  uid: word,
  groups: fc.uniqueArray(word, { maxLength: 3 }),
  extra: fc.dictionary(word, fc.array(word, { maxLength: 2 }), { maxKeys: 2 }),
})
const attributes = fc.record({
  verb: word,
  resourceRequest: fc.boolean(),
  apiGroup: word,
  apiVersion: word,
  resource: word,
  subresource: word,
  namespace: word,
  name: word,
  path: word,
  alsoVerbs: fc.array(word, { maxLength: 2 }),
})
interface Question {
  readonly user: UserInfo
  readonly attributes: RequestAttributes
}

/** Everything of a question that a SubjectAccessReview holds, as a value. */
function meaning({ user, attributes: a }: Question): unknown {
  const extra = Object.entries(user.extra).sort(([one], [other]) => (one < other ? -1 : 1))
  const who = [user.username, user.uid, [...user.groups].sort(), extra]
  const verbs = [a.verb, ...a.alsoVerbs]
  const what = [a.apiGroup, a.apiVersion, a.namespace, a.resource, a.subresource, a.name]
  return a.resourceRequest ? ['resource', who, what, verbs] : ['path', who, a.path, verbs]
}

test('reviewKey() is equal for the same question only', () => {
  const question = fc.record({ user, attributes })
  fc.assert(
    fc.property(question, question, (one, other) => {
      const same = JSON.stringify(meaning(one)) === JSON.stringify(meaning(other))
      const keys = [one, other].map((each) => reviewKey(each.user, each.attributes))
      expect(keys[0] === keys[1]).toBe(same)
    }),
    { numRuns: 1_000 },
  )
})

test('reviewKey() is equal for a question that is asked again', () => {
  fc.assert(
    fc.property(user, attributes, (asks, asked) => {
      expect(reviewKey({ ...asks }, { ...asked })).toBe(reviewKey(asks, asked))
    }),
  )
})

test('reviewKey() tells a resource of the core group from a URL that is printed alike', () => {
  const log = aRequest({ resource: 'pods', subresource: 'log', name: 'x' })
  const url = aRequest({ resourceRequest: false, path: '/v1/team/pods/log/x' })
  expect(reviewKey(aUser('alice'), log)).not.toBe(reviewKey(aUser('alice'), url))
})
