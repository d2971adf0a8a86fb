import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { aRequest } from '../../test/support/policy-builders.ts'
import { CredentialScanner } from './credentials/credential-scanner.ts'
import { MASK_NAMES, type MaskName } from './mask-rules.ts'
import { holdsMaskToken, maskToken } from './mask-token.ts'
import { ObjectMasker } from './object-masker.ts'

const SEED = 20_261_129
const SECRET = 'hunter2-Ünter "quoted" \\ \u2028'
const key = Buffer.alloc(32, 9)
const base64 = (text: string) => Buffer.from(text).toString('base64')
const TOKEN = maskToken(Buffer.from(SECRET), key)

interface Asked {
  readonly masks?: readonly MaskName[]
  readonly apiGroup?: string
  readonly resource?: string
  readonly isFailure?: boolean
  readonly scanner?: CredentialScanner
}

/** All masks of places. */
const PLACED = MASK_NAMES.filter((name) => name !== 'credentials')

function aMasker({ masks = PLACED, isFailure = false, scanner, ...parts }: Asked = {}) {
  const attributes = aRequest({ resource: 'secrets', ...parts })
  return new ObjectMasker({ masks, attributes, isFailure, key, scanner })
}

/** What comes out of a text in two pieces. */
function mask(text: string, asked: Asked = {}, cut = 0): string {
  const masker = aMasker(asked)
  const bytes = Buffer.from(text)
  const parts = [
    masker.push(bytes.subarray(0, cut)),
    masker.push(bytes.subarray(cut)),
    masker.end(),
  ]
  return Buffer.concat(parts).toString()
}

const lastApplied = (object: object) => ({
  annotations: { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(object) },
})
const aSecret = {
  ...{ kind: 'Secret', apiVersion: 'v1' },
  metadata: {
    name: 'db',
    managedFields: [{ fieldsV1: { 'f:data': { 'f:password': {} } } }],
    ...lastApplied({ data: { password: base64(SECRET) }, stringData: { other: SECRET } }),
  },
  data: { password: base64(SECRET), empty: '' },
  stringData: { password: SECRET },
  type: 'kubernetes.io/basic-auth',
}
const env = [
  { name: 'DB_PASSWORD', value: SECRET },
  { name: 'HOME', value: '/root' },
  { name: 'REF', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } },
]
const containers = [{ name: 'a', env }]
const template = { spec: { containers, initContainers: containers } }
const aMap = { kind: 'ConfigMap', data: { password: SECRET }, binaryData: { b: base64(SECRET) } }
const table = (object: object) => ({
  kind: 'Table',
  columnDefinitions: [{ name: 'Name' }],
  rows: [{ cells: ['db', 'Opaque', 2, '3d'], object }],
})
const event = (type: string, object: object) => ({ type, object })
const failure = (message: string) => ({ kind: 'Status', status: 'Failure', message, code: 422 })

const SECRETS: readonly (readonly [string, object])[] = [
  ['a Secret', aSecret],
  ['a List', { kind: 'SecretList', metadata: {}, items: [aSecret, aSecret] }],
  ['a Table of objects', table(aSecret)],
  ['a Table of metadata', table({ kind: 'PartialObjectMetadata', metadata: aSecret.metadata })],
  ['metadata', { kind: 'PartialObjectMetadata', metadata: aSecret.metadata }],
  ['a list of metadata', { items: [{ metadata: aSecret.metadata }] }],
  ...['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK'].map(
    (type) => [`an event ${type}`, event(type, aSecret)] as const,
  ),
  ['a Table in an event', event('ADDED', table(aSecret))],
  ['a List in what was applied last', { metadata: lastApplied({ items: [aSecret] }) }],
  [
    'what was applied last, in it again',
    { metadata: lastApplied({ metadata: lastApplied(aSecret) }) },
  ],
  [
    'what was applied last, too deep',
    {
      metadata: lastApplied({
        metadata: lastApplied({ metadata: lastApplied({ metadata: lastApplied(aSecret) }) }),
      }),
    },
  ],
  [
    'what was applied last and is no JSON',
    {
      metadata: {
        annotations: { 'kubectl.kubernetes.io/last-applied-configuration': `{"a":"${SECRET}` },
      },
    },
  ],
  [
    'what Rancher has applied',
    {
      metadata: { annotations: { 'objectset.rio.cattle.io/applied': base64(SECRET) } },
    },
  ],
  ['a release of Helm', { data: { release: base64(base64(SECRET)) }, type: 'helm.sh/release.v1' }],
  ['values that are no texts', { data: { a: { b: [SECRET] } } }],
]

const OTHERS: readonly (readonly [string, object, Asked])[] = [
  ['a ConfigMap', aMap, { resource: 'configmaps' }],
  ['a list of ConfigMaps', { items: [aMap] }, { resource: 'configmaps' }],
  [
    'a release of Helm in a ConfigMap',
    { data: { release: SECRET } },
    { resource: 'configmaps', masks: ['secret-values'] },
  ],
  [
    'a kubeconfig in a ConfigMap',
    { data: { 'config.yaml': `clusters: []\nusers:\n- user:\n    token: ${SECRET}` } },
    { resource: 'configmaps', masks: ['secret-values'] },
  ],
  [
    'a Docker configuration in bytes',
    { binaryData: { c: base64(`{"auths":{"r":{"auth":"${SECRET}"}}}`) } },
    { resource: 'configmaps', masks: ['secret-values'] },
  ],
  ['a token', { kind: 'TokenRequest', status: { token: SECRET } }, { resource: 'serviceaccounts' }],
  ['a Pod', { spec: { containers, ephemeralContainers: containers } }, { resource: 'pods' }],
  ['a list of Pods', { items: [{ spec: { containers } }] }, { resource: 'pods' }],
  ['a Deployment', { spec: { template } }, { apiGroup: 'apps', resource: 'deployments' }],
  [
    'a CronJob',
    { spec: { jobTemplate: { spec: { template } } } },
    { apiGroup: 'batch', resource: 'cronjobs' },
  ],
  [
    'a ControllerRevision',
    { data: { spec: { template } } },
    { apiGroup: 'apps', resource: 'controllerrevisions' },
  ],
  ['a PodTemplate', { template }, { resource: 'podtemplates' }],
  ['a Rollout', { spec: { template } }, { apiGroup: 'argoproj.io', resource: 'rollouts' }],
  [
    'what was applied last to a Deployment',
    { metadata: lastApplied({ spec: { template } }) },
    { apiGroup: 'apps', resource: 'deployments' },
  ],
  [
    'a value before its name',
    { spec: { containers: [{ env: [{ value: SECRET, name: 'HOME' }] }] } },
    { resource: 'pods' },
  ],
  [
    'a refusal that quotes a value',
    failure(`spec: Invalid value: ${JSON.stringify(SECRET)}: no`),
    { isFailure: true },
  ],
  [
    'a cause that quotes a value',
    { details: { causes: [{ field: 'a', message: `Invalid value: ${JSON.stringify(SECRET)}` }] } },
    { isFailure: true },
  ],
  ['an event ERROR', event('ERROR', failure(`Invalid value: ${JSON.stringify(SECRET)}`)), {}],
]

const ALL = [...SECRETS.map(([name, object]) => [name, object, {}] as const), ...OTHERS]
/** However it is written, its first letters are in it. */
const LEAKS = ['hunter2', ...[0, 1, 2].map((at) => base64(`${'x'.repeat(at)}hunter2`).slice(4, 8))]

test.each(ALL)('ObjectMasker hides what is secret in %s, cut anywhere', (_name, object, asked) => {
  const text = JSON.stringify(object)
  const want = mask(text, asked)
  for (const leak of LEAKS) expect(want).not.toContain(leak)
  expect(holdsMaskToken(want)).toBe(true)
  expect(() => JSON.parse(want)).not.toThrow()
  for (let cut = 1; cut <= Buffer.byteLength(text); cut += 1) {
    expect(mask(text, asked, cut)).toBe(want)
  }
})

describe('ObjectMasker with the mask credentials', () => {
  const scanner = new CredentialScanner()
  const GITHUB = 'ghp_16C7e42F292c6912E7710c838347Ae178B4a'
  const PEM = `-----BEGIN PRIVATE KEY-----\n${'MIIEvQIBADANBgkqhkiG9w0BAQ'.repeat(8)}\n-----END PRIVATE KEY-----\n`
  const masks = ['credentials' as const]
  const put: readonly (readonly [string, object, Asked])[] = [
    ['a label', { metadata: { annotations: { a: `uses ${GITHUB} now` } } }, { resource: 'pods' }],
    [
      'an argument',
      { spec: { containers: [{ args: [`--token=${GITHUB}`] }] } },
      { resource: 'pods' },
    ],
    ['a file', { data: { 'key.pem': PEM } }, { resource: 'configmaps' }],
    ['a Secret', { data: { a: base64(`token: ${GITHUB}`) } }, {}],
    ['a file of bytes', { binaryData: { a: base64(PEM) } }, { resource: 'configmaps' }],
    ['an Event', { items: [{ message: `pull with ${GITHUB} failed` }] }, { resource: 'events' }],
    ['a cell', { rows: [{ cells: [GITHUB] }] }, { apiGroup: 'x.example', resource: 'things' }],
    ['a refusal', { message: `x ${GITHUB}` }, { isFailure: true }],
    [
      'what was applied last',
      { metadata: lastApplied({ spec: { args: [GITHUB] } }) },
      { resource: 'pods' },
    ],
  ]

  test.each(put)('hides them in %s, cut anywhere', (_name, object, asked) => {
    const text = JSON.stringify(object)
    const all = { ...asked, masks, scanner }
    const want = mask(text, all)
    for (const sign of [GITHUB.slice(0, 12), base64(`token: ${GITHUB}`).slice(8, 40), 'MIIEvQ'])
      expect(want).not.toContain(sign)
    expect(holdsMaskToken(want)).toBe(true)
    for (let cut = 1; cut <= Buffer.byteLength(text); cut += 7)
      expect(mask(text, all, cut)).toBe(want)
  })

  test('hides the whole value where another mask does', () => {
    const text = JSON.stringify({ stringData: { a: `mine ${GITHUB}` } })
    const want = JSON.stringify({
      stringData: { a: maskToken(Buffer.from(`mine ${GITHUB}`), key) },
    })
    expect(mask(text, { masks: ['credentials', 'secret-values'], scanner })).toBe(want)
  })

  test('counts each, and leaves text without them as it is', () => {
    const masker = aMasker({ masks, scanner, resource: 'pods' })
    const text = JSON.stringify({ a: `${GITHUB} and ${GITHUB}`, b: 'sha256:0f'.padEnd(71, 'a') })
    expect(masker.push(Buffer.from(text)).toString()).toContain('sha256:0fa')
    expect([...masker.counts()]).toEqual([['credentials', 2]])
  })
})

describe('ObjectMasker', () => {
  test('puts a token of the right form into each place, and keeps all else', () => {
    expect(JSON.parse(mask(JSON.stringify(aSecret)))).toEqual({
      ...aSecret,
      metadata: {
        ...aSecret.metadata,
        ...lastApplied({ data: { password: base64(TOKEN) }, stringData: { other: TOKEN } }),
      },
      data: { password: base64(TOKEN), empty: base64(maskToken(Buffer.alloc(0), key)) },
      stringData: { password: TOKEN },
    })
    const pod = { spec: { containers } }
    expect(JSON.parse(mask(JSON.stringify(pod), { resource: 'pods' }))).toEqual({
      spec: {
        containers: [{ name: 'a', env: [{ name: 'DB_PASSWORD', value: TOKEN }, env[1], env[2]] }],
      },
    })
  })

  test('masks one value after the other of a watch', () => {
    const frame = JSON.stringify(event('ADDED', aSecret))
    const masker = aMasker()
    const first = masker.push(Buffer.from(`${frame}\n`)).toString()
    expect(first.endsWith('}\n')).toBe(true)
    expect(masker.push(Buffer.from(frame)).toString()).toBe(first.trimEnd())
    expect(masker.end()).toHaveLength(0)
  })

  test('counts by mask', () => {
    const masker = aMasker()
    masker.push(Buffer.from(JSON.stringify(aSecret)))
    expect([...masker.counts()]).toEqual([['secret-values', 5]])
    expect([...aMasker().counts()]).toEqual([])
  })

  test.each<[string, object, Asked]>([
    [
      'a Pod without credentials',
      { spec: { containers: [{ env: [env[1]] }] } },
      { resource: 'pods' },
    ],
    ['a ConfigMap by another mask', aMap, { resource: 'configmaps', masks: ['secret-values'] }],
    ['an object of another resource', aSecret, { resource: 'nodes', masks: ['secret-values'] }],
    ['a refusal without values', failure('secrets "db" not found'), { isFailure: true }],
    ['an Event, whose message is its own', { message: 'value: "a" {b}' }, { resource: 'events' }],
    ['a bookmark', event('BOOKMARK', { metadata: { resourceVersion: '7' } }), {}],
  ])('leaves %s as it is, byte for byte', (_name, object, asked) => {
    const text = JSON.stringify(object, undefined, 1)
    expect(mask(text, asked)).toBe(text)
  })

  test('hides a number in the place of a text, and a text that is too long to be looked at', () => {
    const long = JSON.stringify({ data: { a: 7, b: base64('hunter2'.repeat(500_000)) } })
    const { data } = JSON.parse(mask(long)) as { readonly data: Record<string, unknown> }
    expect(data['a']).toBeNull()
    expect(Buffer.from(String(data['b']), 'base64').toString()).toMatch(/^lanyard-masked-/)
  })

  test('lets no canary through, whatever stands around it and wherever it is cut', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string())
    const pieces = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 60 })
    const rest = fc.dictionary(text, fc.oneof(text, fc.double({ noNaN: true }), fc.constant(null)))
    const object = fc.record({
      metadata: fc.record({ labels: rest, annotations: rest }),
      data: fc.dictionary(
        text,
        text.map((one) => `canary${one}`),
        { minKeys: 1 },
      ),
      other: rest,
    })
    const shape = fc.constantFrom(
      (one: object) => one,
      (one: object) => ({ items: [one, one] }),
      (one: object) => table(one),
      (one: object) => event('ADDED', one),
      (one: object) => ({ metadata: lastApplied(one) }),
    )
    fc.assert(
      fc.property(object, shape, pieces, (one, put, sizes) => {
        const bytes = Buffer.from(JSON.stringify(put(one)))
        const masker = aMasker()
        const out: Buffer[] = []
        let at = 0
        for (const size of [...sizes, bytes.length]) {
          out.push(masker.push(bytes.subarray(at, at + size)))
          at += size
        }
        const masked = Buffer.concat([...out, masker.end()]).toString()
        expect(masked).not.toContain('canary')
        expect(() => JSON.parse(masked)).not.toThrow()
      }),
      { seed: SEED, numRuns: 500 },
    )
  })
})
