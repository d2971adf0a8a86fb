import { describe, expect, test } from 'vitest'
import { aRequest } from '../../test/support/policy-builders.ts'
import type { RequestAttributes } from '../kubernetes/request-attributes.ts'
import { CredentialScanner } from './credentials/credential-scanner.ts'
import type { MaskProfile } from './mask-profile.ts'
import { maskToken } from './mask-token.ts'
import { ObjectMasker } from './object-masker.ts'
import { parseMaskProfile } from './parse-mask-profile.ts'
import { hidesFields, profilesAbout } from './profiles-about.ts'

/* What MaskProfiles hide, in the shapes in which objects come. */

const key = Buffer.alloc(32, 9)
const NUMBER = '4111-1111-1111-1111'
const STAFF = 'EMP-123456'
const tokenOf = (value: string) => maskToken(Buffer.from(value), key)
const GROUP = 'pay.example.com'
const CARDS = { apiGroups: [GROUP], resources: ['cards'] }

function aProfile(spec: object, name = 'payments'): MaskProfile {
  const parsed = parseMaskProfile({ metadata: { name }, spec })
  expect(parsed).toMatchObject({ ok: true })
  return (parsed as { readonly profile: MaskProfile }).profile
}

const fields = aProfile({
  fields: [
    { ...CARDS, path: '.spec.number' },
    { ...CARDS, path: '.spec.holders[*].pin' },
    { ...CARDS, path: '..cvc' },
    { apiGroups: [''], resources: ['secrets'], path: "data['tls.key']" },
  ],
})
const patterns = aProfile(
  { patterns: [{ name: 'staff', pattern: 'EMP-(?P<secret>[0-9]{6})', examples: [STAFF] }] },
  'staff',
)

function mask(
  object: unknown,
  profiles: readonly MaskProfile[] = [fields],
  parts: Partial<RequestAttributes> = {},
) {
  const attributes = aRequest({ apiGroup: GROUP, resource: 'cards', ...parts })
  const own = profiles.flatMap((one) => one.patterns)
  const masker = new ObjectMasker({
    ...{ masks: [], profiles, attributes, isFailure: false, key },
    scanner: new CredentialScanner(own, [], []),
  })
  const text = Buffer.concat([masker.push(Buffer.from(JSON.stringify(object))), masker.end()])
  return { object: JSON.parse(text.toString()), counts: Object.fromEntries(masker.counts()) }
}

const aCard = (more: object = {}) => ({
  ...{ kind: 'Card', metadata: { name: 'a' } },
  spec: { number: NUMBER, holders: [{ name: 'x', pin: 7 }], deep: { cvc: ['1', '2'] }, ...more },
})
const hidden = {
  ...{ kind: 'Card', metadata: { name: 'a' } },
  spec: {
    number: tokenOf(NUMBER),
    holders: [{ name: 'x', pin: null }],
    deep: { cvc: [tokenOf('1'), tokenOf('2')] },
  },
}

describe('ObjectMasker with fields of a MaskProfile', () => {
  test.each([
    ['an object', aCard(), hidden],
    ['a List', { items: [aCard()] }, { items: [hidden] }],
    ['an event', { type: 'ADDED', object: aCard() }, { type: 'ADDED', object: hidden }],
    [
      'an object where a text is expected',
      aCard({ number: { digits: NUMBER, valid: true } }),
      { ...hidden, spec: { ...hidden.spec, number: { digits: tokenOf(NUMBER), valid: null } } },
    ],
    [
      'what was applied last',
      {
        metadata: {
          annotations: {
            'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(aCard()),
          },
        },
      },
      {
        metadata: {
          annotations: {
            'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(hidden),
          },
        },
      },
    ],
    [
      'a Table that came all the same',
      { kind: 'Table', rows: [{ cells: ['a', NUMBER, 3], object: aCard() }] },
      { kind: 'Table', rows: [{ cells: [tokenOf('a'), tokenOf(NUMBER), null], object: hidden }] },
    ],
    [
      'words of a failed watch',
      { object: { kind: 'Status', message: `spec.number: Invalid value: "${NUMBER}": no` } },
      { object: { kind: 'Status', message: expect.not.stringContaining(NUMBER) } },
    ],
  ])('hides them in %s', (_name, object, want) => {
    expect(mask(object).object).toEqual(want)
  })

  test('counts them by the id of the profile', () => {
    expect(mask(aCard()).counts).toEqual({ [fields.id]: 4 })
  })

  test('writes base64 where a Secret has it', () => {
    const value = Buffer.from('key').toString('base64')
    const { object } = mask({ data: { 'tls.key': value, other: value } }, [fields], {
      apiGroup: '',
      resource: 'secrets',
    })
    expect(object.data.other).toBe(value)
    expect(Buffer.from(object.data['tls.key'], 'base64').toString()).toBe(tokenOf('key'))
  })

  test.each([
    ['another resource', { resource: 'carts' }],
    ['another group', { apiGroup: 'other.example.com' }],
  ])('leaves %s as it is', (_name, parts) => {
    expect(mask(aCard(), [fields], parts)).toEqual({ object: aCard(), counts: {} })
  })
})

describe('ObjectMasker with patterns of a MaskProfile', () => {
  const object = { spec: { note: `by ${STAFF}`, password: 'hunter2' } }

  test('hides in any object what they match, and nothing that only built-in rules know', () => {
    const { object: shown, counts } = mask(object, [patterns], { apiGroup: 'apps' })
    expect(shown.spec).toEqual({ note: `by EMP-${tokenOf('123456')}`, password: 'hunter2' })
    expect(counts).toEqual({ [patterns.id]: 1 })
  })

  test('hides them together with fields, each counted for its own', () => {
    const { counts } = mask({ spec: { number: NUMBER, note: STAFF } }, [fields, patterns])
    expect(counts).toEqual({ [fields.id]: 1, [patterns.id]: 1 })
  })

  test('hides in the bytes of a Secret', () => {
    const value = Buffer.from(`x ${STAFF}`).toString('base64')
    const parts = { apiGroup: '', resource: 'secrets' }
    const { object: shown } = mask({ data: { a: value } }, [patterns], parts)
    expect(Buffer.from(shown.data.a, 'base64').toString()).toBe(`x EMP-${tokenOf('123456')}`)
  })
})

test.each([
  ['objects of its fields', {}, [fields, patterns]],
  ['their subresources', { subresource: 'status' }, [fields, patterns]],
  ['every resource', { apiGroup: '*', resource: '*' }, [fields, patterns]],
  ['other objects', { apiGroup: '', resource: 'pods' }, [patterns]],
  ['logs', { apiGroup: '', resource: 'pods', subresource: 'log' }, [patterns]],
  ['output of exec', { apiGroup: '', resource: 'pods', subresource: 'exec' }, [patterns]],
  ['bytes of a port-forward', { apiGroup: '', resource: 'pods', subresource: 'portforward' }, []],
  ['reviews', { apiGroup: 'authorization.k8s.io', resource: 'selfsubjectaccessreviews' }, []],
  ['no resource', { resourceRequest: false }, []],
])('profilesAbout() says which have something to hide in %s', (_name, parts, want) => {
  const attributes = aRequest({ apiGroup: GROUP, resource: 'cards', ...parts })
  expect(profilesAbout([fields, patterns], attributes)).toEqual(want)
})

test('hidesFields() is about fields alone', () => {
  const cards = { apiGroup: GROUP, resource: 'cards' }
  expect([hidesFields(fields, cards), hidesFields(patterns, cards)]).toEqual([true, false])
})
