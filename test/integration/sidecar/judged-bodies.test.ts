import { afterEach, beforeEach, expect, test } from 'vitest'
import { type SidecarFixture, startSidecarFixture } from '../../support/sidecar-fixture.ts'

/* Requests whose meaning hangs on their body: it is read first, judged, and sent as it came. */

let fixture: SidecarFixture
beforeEach(async () => {
  fixture = await startSidecarFixture()
})
afterEach(() => fixture.close())

const TOKEN = '/api/v1/namespaces/team/serviceaccounts/builder/token'
const SECRETS = '/api/v1/namespaces/team/secrets'
const JSON_TYPE = ['Content-Type', 'application/json']

test.each([
  [
    'a TokenRequest',
    TOKEN,
    JSON_TYPE,
    '{"spec":{"audiences":["vault"]}}',
    { audiences: ['vault'], secretType: '' },
  ],
  [
    'a Secret',
    SECRETS,
    JSON_TYPE,
    '{"type":"kubernetes.io/tls"}',
    { audiences: [], secretType: 'kubernetes.io/tls' },
  ],
])(
  'withBody() has %s judged by its body, and sends the same bytes',
  async (_name, path, headers, body, says) => {
    let sent = ''
    fixture.api.onRequest((incoming, outgoing) => {
      incoming.on('data', (chunk: Buffer) => {
        sent += chunk.toString()
      })
      incoming.on('end', () => outgoing.writeHead(201).end('{}'))
    })
    const answer = await fixture.call(path, { method: 'POST', headers, body })
    expect(answer.httpStatus).toBe(201)
    expect(fixture.controlPlane.questions[0]?.credentialBody).toMatchObject(says)
    expect(sent).toBe(body)
  },
)

test.each([
  ['YAML', TOKEN, ['Content-Type', 'application/yaml'], 'spec: {}'],
  ['what is no JSON', TOKEN, JSON_TYPE, '{'],
  ['the body of another resource', '/api/v1/namespaces/team/configmaps', JSON_TYPE, '{"type":"x"}'],
])('withBody() says nothing of %s', async (_name, path, headers, body) => {
  await fixture.call(path, { method: 'POST', headers, body })
  expect(fixture.controlPlane.questions).toHaveLength(1)
  expect(fixture.controlPlane.questions[0]?.credentialBody).toBeUndefined()
})

test('withBody() refuses a body that is larger than kube-apiserver takes, before it is judged', async () => {
  const body = `{"data":"${'x'.repeat(3 * 1_024 * 1_024)}"}`
  const { httpStatus } = await fixture.call(SECRETS, { method: 'POST', headers: JSON_TYPE, body })
  expect(httpStatus).toBe(413)
  expect(fixture.api.requests).toEqual([])
  // What was held is let go: bodies of other requests are read as before.
  const ordinary = { method: 'POST', headers: JSON_TYPE, body: '{"type":"Opaque"}' }
  for (let turn = 0; turn < 4; turn += 1) {
    await fixture.call(SECRETS, { method: 'POST', headers: JSON_TYPE, body })
  }
  expect((await fixture.call(SECRETS, ordinary)).httpStatus).toBe(200)
})

const UNSAFE = '{"ignoreStoreReadErrorWithClusterBreakingPotential":true}'
const ONE = '/api/v1/namespaces/team/configmaps/a'

test.each([
  ['plain options', ONE, JSON_TYPE, '{"propagationPolicy":"Background"}', []],
  ['the option of an unsafe delete', ONE, JSON_TYPE, UNSAFE, ['unsafe-delete-ignore-read-errors']],
  [
    'what cannot be read',
    ONE,
    ['Content-Type', 'application/cbor'],
    '\u00a0',
    ['unsafe-delete-ignore-read-errors'],
  ],
])(
  'withBody() has a delete with %s judged by its body, and sends the same bytes',
  async (_name, path, headers, body, alsoVerbs) => {
    let sent = ''
    fixture.api.onRequest((incoming, outgoing) => {
      incoming.on('data', (chunk: Buffer) => {
        sent += chunk.toString()
      })
      incoming.on('end', () => outgoing.writeHead(200).end('{}'))
    })
    await fixture.call(path, { method: 'DELETE', headers, body })
    const [question] = fixture.controlPlane.questions
    expect(question?.attributes).toMatchObject({ verb: 'delete', alsoVerbs })
    expect(sent).toBe(body)
  },
)
