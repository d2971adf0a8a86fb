import { describe, expect, test } from 'vitest'
import { parseAdmissionReview, refused, toAdmissionReview } from './admission-review.ts'

const request = {
  uid: 'r-1',
  kind: { group: '', version: 'v1', kind: 'Pod' },
  resource: { group: '', version: 'v1', resource: 'pods' },
  namespace: 'team',
  operation: 'CREATE',
  userInfo: { username: 'alice', groups: ['dev'], extra: { k: ['v'] } },
  object: { kind: 'Pod' },
  dryRun: true,
}
const review = (fields: object = {}, outside: object = {}): unknown => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: { ...request, ...fields },
  ...outside,
})

describe('parseAdmissionReview()', () => {
  test('takes what kube-apiserver sends', () => {
    expect(parseAdmissionReview(review())).toEqual({
      uid: 'r-1',
      kind: request.kind,
      resource: 'pods',
      subresource: '',
      name: '',
      namespace: 'team',
      operation: 'CREATE',
      user: { username: 'alice', uid: '', groups: ['dev'], extra: { k: ['v'] } },
      object: { kind: 'Pod' },
      oldObject: undefined,
      dryRun: true,
    })
  })

  test('takes null for what Go leaves out', () => {
    const parsed = parseAdmissionReview(
      review({
        object: null,
        oldObject: null,
        userInfo: { username: 'a', groups: null, extra: null },
      }),
    )
    expect(parsed).toMatchObject({ object: undefined, oldObject: undefined })
    expect(parsed.user).toEqual({ username: 'a', uid: '', groups: [], extra: {} })
  })

  test('takes a request for no dry run unless it says so', () => {
    expect(parseAdmissionReview(review({ dryRun: undefined })).dryRun).toBe(false)
  })

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['text', 'AdmissionReview'],
    ['a list', [review()]],
    ['no request', review({}, { request: undefined })],
    ['an older version', review({}, { apiVersion: 'admission.k8s.io/v1beta1' })],
    ['another kind', review({}, { kind: 'TokenReview' })],
    ['no uid', review({ uid: undefined })],
    ['an empty uid', review({ uid: '' })],
    ['a number as uid', review({ uid: 1 })],
    ['no user', review({ userInfo: undefined })],
    ['a user without a name', review({ userInfo: { username: '' } })],
    ['an operation of the future', review({ operation: 'MOVE' })],
    ['text as object', review({ object: 'pod' })],
    ['a list as object', review({ object: [] })],
    ['text for a truth', review({ dryRun: 'true' })],
  ])('refuses %s', (_name, body) => {
    expect(() => parseAdmissionReview(body)).toThrow('The body is not an AdmissionReview')
  })
})

describe('toAdmissionReview()', () => {
  test.each<[string, Parameters<typeof toAdmissionReview>[1], object]>([
    ['yes', { result: 'allowed' }, { allowed: true }],
    [
      'yes, with a patch',
      { result: 'patched', patch: [{ op: 'add' }] },
      {
        allowed: true,
        patchType: 'JSONPatch',
        patch: Buffer.from('[{"op":"add"}]').toString('base64'),
      },
    ],
    [
      'no, with words',
      refused('remove it'),
      { allowed: false, status: { code: 403, reason: 'Forbidden', message: 'lanyard: remove it' } },
    ],
  ])('says %s', (_name, answer, response) => {
    expect(toAdmissionReview('r-1', answer)).toEqual({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { uid: 'r-1', ...response },
    })
  })
})

test('toAdmissionReview() shows names that a terminal would obey as escapes', () => {
  const review = toAdmissionReview('u', refused('the container a\u009b\u202e is ours'))
  expect(JSON.stringify(review)).toContain('the container a\\\\x9b\\\\u202e is ours')
})
