import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Effect } from '../../../proto/gen/lanyard/v1/authorization_pb.ts'
import {
  eventually,
  readAll,
  type SidecarFixture,
  startSidecarFixture,
} from '../../support/sidecar-fixture.ts'

/* What a decision hides is never on the wire, whatever the API server says and in whatever form. */

const SECRETS = '/api/v1/namespaces/team/secrets'
const ONE = `${SECRETS}/db`
const base64 = (text: string) => Buffer.from(text).toString('base64')
const SECRET = base64('hunter2')
const KEY = new Uint8Array(32).fill(5)
const JSON_TYPE = ['content-type', 'application/json']
const PROTOBUF = 'application/vnd.kubernetes.protobuf'

let fixture: SidecarFixture

/** Answers every question with an allow under this mask. */
function maskWith(mask: readonly string[] = ['secret-values'], maskKey = KEY): void {
  fixture.controlPlane.decide((_question, decisionId) => {
    const effect = Effect.ALLOW_WITH_OBLIGATIONS
    return {
      case: 'decision',
      value: { decisionId, effect, obligations: { mask: [...mask], maskKey } },
    }
  })
}

function answerWith(
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = { 'content-type': 'application/json' },
  httpStatus = 200,
): void {
  fixture.api.onRequest((incoming, outgoing) => {
    incoming.resume().on('end', () => {
      outgoing.writeHead(httpStatus, headers).end(body)
    })
  })
}

const aSecret = JSON.stringify({ kind: 'Secret', data: { password: SECRET, other: SECRET } })

beforeEach(async () => {
  fixture = await startSidecarFixture()
  maskWith()
  answerWith(aSecret)
})
afterEach(() => fixture.close())

describe('an answer under a mask', () => {
  test('is asked for in a form that can be masked, and says nothing of other bytes', async () => {
    answerWith(aSecret, {
      ...{ 'content-type': 'application/json', 'content-length': `${aSecret.length}` },
      ...{ etag: '"1"', 'content-md5': 'x', 'accept-ranges': 'bytes', 'audit-id': 'a' },
    })
    const headers = [
      ...['accept', `${PROTOBUF},application/json;as=Table;v=v1;g=meta.k8s.io,application/json`],
      ...['accept-encoding', 'gzip', 'range', 'bytes=0-3', 'if-none-match', '"1"'],
    ]
    const answer = await fixture.call(ONE, { headers })
    const [sent] = fixture.api.requests
    expect(sent?.headers).toMatchObject({
      accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json',
      'accept-encoding': 'identity',
    })
    expect(sent?.headers).not.toHaveProperty('range')
    expect(sent?.headers).not.toHaveProperty('if-none-match')
    for (const name of ['content-length', 'etag', 'content-md5', 'accept-ranges'])
      expect(answer.headers).not.toHaveProperty(name)
    expect(answer.headers).toMatchObject({ 'content-type': 'application/json', 'audit-id': 'a' })
  })

  test('has one token for one value, and is counted by mask', async () => {
    const { text } = await fixture.call(ONE)
    const { data } = JSON.parse(text) as { readonly data: Record<string, string> }
    expect(Buffer.from(data['password'] ?? '', 'base64').toString()).toMatch(
      /^lanyard-masked-[0-9a-f]{24}$/,
    )
    expect(data['other']).toBe(data['password'])
    await eventually('the outcome', () => fixture.controlPlane.outcomes.length === 1)
    expect(fixture.controlPlane.outcomes[0]?.masked).toMatchObject([
      { mask: 'secret-values', values: 2n },
    ])
    expect(await fixture.metrics()).toContain(
      'lanyard_sidecar_masked_values_total{mask="secret-values"} 2',
    )
  })

  test('comes as it is written: an event of a watch is not held back', async () => {
    let end = () => undefined as unknown
    fixture.api.onRequest((_incoming, outgoing) => {
      outgoing.writeHead(200, { 'content-type': 'application/json' })
      const frame = `${JSON.stringify({ type: 'ADDED', object: JSON.parse(aSecret) })}\n`
      outgoing.write(frame.slice(0, 70))
      setTimeout(() => outgoing.write(frame.slice(70)), 20)
      end = () => outgoing.end()
    })
    const caller = await fixture.connect()
    let got = ''
    caller.on('data', (chunk: Buffer) => {
      got += chunk.toString()
    })
    const head = [`GET ${SECRETS}?watch=true HTTP/1.1`, 'Host: kubernetes.default.svc']
    caller.write(`${[...head, `Authorization: Bearer ${fixture.token}`].join('\r\n')}\r\n\r\n`)
    await eventually('the event', () => got.includes('}}\n'))
    end()
    caller.destroy()
    expect(got).not.toContain(SECRET)
    expect(got).toContain(base64('lanyard-masked-'))
  })

  test('is YAML for whoever takes nothing else', async () => {
    const answer = await fixture.call(ONE, { headers: ['accept', 'application/yaml'] })
    expect(fixture.api.requests[0]?.headers.accept).toBe('application/json')
    expect(answer.headers['content-type']).toBe('application/yaml')
    expect(answer.text).not.toContain(SECRET)
  })

  test.each([PROTOBUF, 'application/cbor', 'text/plain'])(
    'is refused to whoever takes %s alone, before anything is sent',
    async (accept) => {
      const answer = await fixture.call(ONE, { headers: ['accept', accept] })
      expect(answer.httpStatus).toBe(406)
      expect(answer.text).toContain('accept application/json too')
      expect(fixture.api.requests).toEqual([])
    },
  )

  test.each([
    ['protobuf', { 'content-type': PROTOBUF }],
    ['gzip', { 'content-type': 'application/json', 'content-encoding': 'gzip' }],
    ['text', { 'content-type': 'text/plain' }],
  ])('is refused where the API server answers with %s all the same', async (_name, headers) => {
    answerWith(`k8s${SECRET}`, headers)
    const answer = await fixture.call(ONE)
    expect(answer.httpStatus).toBe(406)
    expect(answer.text).toMatch(/must be masked.*ask for application\/json/)
    expect(answer.text).not.toContain(SECRET)
  })

  test('is cut where a form is not named, or is not what it is called', async () => {
    answerWith(SECRET, {})
    await expect(fixture.call(ONE)).rejects.toThrow()
    answerWith(`{"data":{"a":"${SECRET}"`)
    await expect(fixture.call(ONE)).rejects.toThrow()
    answerWith(`{"data":{"a":${SECRET}}}`)
    await expect(fixture.call(ONE)).rejects.toThrow()
  })

  test('tells of a failure by its status alone where its words cannot be masked', async () => {
    answerWith(`no: ${SECRET}`, { 'content-type': 'text/plain' }, 404)
    const answer = await fixture.call(ONE)
    expect(answer).toMatchObject({
      httpStatus: 404,
      headers: { 'content-type': 'application/json' },
    })
    expect(JSON.parse(answer.text)).toMatchObject({ kind: 'Status', code: 404 })
    expect(answer.text).not.toContain(SECRET)
  })

  test('has the words of a failure without the values that they quote', async () => {
    const message = `data.a: Invalid value: "${SECRET}": no`
    answerWith(
      JSON.stringify({ kind: 'Status', message }),
      { 'content-type': 'application/json' },
      422,
    )
    const { httpStatus, text } = await fixture.call(ONE)
    expect(httpStatus).toBe(422)
    expect(JSON.parse(text).message).toMatch(/^data\.a: Invalid value: "lanyard-masked-\w+": no$/)
  })

  test.each([
    ['HEAD', 200, { 'content-type': 'application/json', 'content-length': '7' }],
    ['DELETE', 204, {}],
  ])('may have no body: %s', async (method, httpStatus, headers) => {
    answerWith('', headers, httpStatus)
    const answer = await fixture.call(ONE, { method })
    expect(answer).toMatchObject({ httpStatus, text: '' })
    expect(answer.headers).not.toHaveProperty('content-length', '7')
  })
})

describe('a log under the mask credentials', () => {
  const LOG = '/api/v1/namespaces/team/pods/web/log?follow=true'
  const GITHUB = 'ghp_16C7e42F292c6912E7710c838347Ae178B4a'
  beforeEach(() => maskWith(['credentials', 'secret-values']))

  test('has tokens in the place of credentials, whatever it is cut into, and is counted', async () => {
    fixture.api.onRequest((_incoming, outgoing) => {
      outgoing.writeHead(200, { 'content-type': 'text/plain' })
      outgoing.write(`begin\nlogin with ${GITHUB.slice(0, 9)}`)
      setTimeout(() => outgoing.end(`${GITHUB.slice(9)} done\nend\n`), 20)
    })
    const answer = await fixture.call(LOG, { headers: ['accept', 'text/plain'] })
    expect(answer.text).toMatch(/^begin\nlogin with lanyard-masked-\w{24} done\nend\n$/)
    expect(answer.headers).toMatchObject({ 'content-type': 'text/plain' })
    await eventually('the outcome', () => fixture.controlPlane.outcomes.length === 1)
    expect(fixture.controlPlane.outcomes[0]?.masked).toMatchObject([
      { mask: 'credentials', values: 1n },
    ])
  })

  test('shows a line without an end while it is open', async () => {
    let end = () => undefined as unknown
    fixture.api.onRequest((_incoming, outgoing) => {
      outgoing.writeHead(200, { 'content-type': 'text/plain' }).write('password? ')
      end = () => outgoing.end()
    })
    const caller = await fixture.connect()
    let got = ''
    caller.on('data', (chunk: Buffer) => {
      got += chunk.toString()
    })
    const head = [`GET ${LOG} HTTP/1.1`, 'Host: kubernetes.default.svc']
    caller.write(`${[...head, `Authorization: Bearer ${fixture.token}`].join('\r\n')}\r\n\r\n`)
    await eventually('the prompt', () => got.includes('password? '))
    end()
    caller.destroy()
  })

  test('is refused where it comes compressed, and tells of a failure in JSON', async () => {
    answerWith(GITHUB, { 'content-type': 'text/plain', 'content-encoding': 'gzip' })
    expect(await fixture.call(LOG)).toMatchObject({ httpStatus: 406 })
    answerWith(JSON.stringify({ message: GITHUB }), { 'content-type': 'application/json' }, 400)
    const answer = await fixture.call(LOG)
    expect(answer).toMatchObject({ httpStatus: 400 })
    expect(answer.text).toMatch(/lanyard-masked-/)
  })
})

describe('a request under a mask', () => {
  const token = () => `{"data":{"password":"${base64(`lanyard-masked-${'0'.repeat(24)}`)}"}}`

  test.each([
    ['POST', SECRETS, JSON_TYPE],
    ['PUT', ONE, JSON_TYPE],
    ['PATCH', ONE, ['content-type', 'application/merge-patch+json']],
    ['PATCH', ONE, ['content-type', 'application/apply-patch+yaml']],
    ['POST', `${SECRETS}?dryRun=All`, JSON_TYPE],
    ['PUT', ONE, [...JSON_TYPE, 'expect', '100-continue']],
  ])('%s %s %j is not sent with a token in it', async (method, target, headers) => {
    const answer = await fixture.call(target, { method, headers, body: token() })
    expect(answer.httpStatus).toBe(403)
    expect(JSON.parse(answer.text)).toMatchObject({
      kind: 'Status',
      message: expect.stringMatching(/^data\.password holds a mask token.*only the fields/),
    })
    expect(fixture.api.requests).toEqual([])
    await eventually('the outcome', () =>
      fixture.controlPlane.outcomes.some(({ fault }) => fault === 'permission_denied'),
    )
  })

  test.each([[[]], [['expect', '100-continue']]])(
    'is sent byte for byte, and its answer masked: %j',
    async (more) => {
      const body = `{ "data": {"password": "${base64('new')}"}}`
      const headers = [...JSON_TYPE, ...more]
      const answer = await fixture.call(ONE, { method: 'PUT', headers, body })
      expect(answer.httpStatus).toBe(200)
      expect(answer.text).not.toContain(SECRET)
      const [sent] = fixture.api.requests
      expect(sent?.body.toString()).toBe(body)
      expect(sent?.headers['content-length']).toBe(`${body.length}`)
    },
  )

  test('is refused when it has two meanings', async () => {
    const body = '{"data":{"a":"eA=="},"data":{}}'
    const answer = await fixture.call(ONE, { method: 'PUT', headers: JSON_TYPE, body })
    expect(answer).toMatchObject({ httpStatus: 400 })
    expect(answer.text).toContain('one key twice')
    expect(fixture.api.requests).toEqual([])
  })

  test('is refused when it is longer than kube-apiserver takes', async () => {
    const body = `{"data":{"a":"${'x'.repeat(3 * 1_024 * 1_024)}"}}`
    const answer = await fixture.call(ONE, { method: 'PATCH', headers: JSON_TYPE, body })
    expect(answer.httpStatus).toBe(413)
    expect(fixture.api.requests).toEqual([])
  })

  test.each<[string, readonly string[], Uint8Array<ArrayBuffer>]>([
    ['a mask of a later version', ['secret-values', 'faces'], KEY],
    ['no key', ['secret-values'], new Uint8Array()],
    ['a short key', ['secret-values'], new Uint8Array(16)],
  ])('is refused where the answer has %s', async (_name, mask, maskKey) => {
    maskWith(mask, maskKey)
    const answer = await fixture.call(ONE)
    expect(answer.httpStatus).toBe(403)
    expect(answer.text).toContain('the sidecar of this pod cannot carry out')
    expect(fixture.api.requests).toEqual([])
  })

  test('is refused as an upgrade, whose frames are not masked', async () => {
    const caller = await fixture.connect()
    const lines = [
      ...[`GET ${SECRETS}?watch=true HTTP/1.1`, 'Host: kubernetes.default.svc'],
      ...[`Authorization: Bearer ${fixture.token}`, 'Connection: Upgrade', 'Upgrade: websocket'],
      ...['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Ng=='],
    ]
    caller.write(`${lines.join('\r\n')}\r\n\r\n`)
    const text = await readAll(caller)
    expect(text).toMatch(/^HTTP\/1.1 403/)
    expect(text).toContain('ask without an upgrade to websocket')
  })

  test('that answers with no such value passes as it is', async () => {
    answerWith('{"items":[]}', { 'content-type': 'application/json', etag: '"1"' })
    const answer = await fixture.call('/api/v1/namespaces/team/services')
    expect(answer.headers).toMatchObject({ etag: '"1"' })
  })
})

describe('a read that was sent ahead of a decision that masks', () => {
  beforeEach(async () => {
    await fixture.close()
    fixture = await startSidecarFixture({}, '0123456789')
    answerWith('{}')
    fixture.controlPlane.decide((_question, decisionId) => ({
      case: 'decision',
      value: { decisionId, effect: Effect.ALLOW, mayBeForeseen: true },
    }))
    await fixture.call(ONE)
    maskWith()
  })

  test('is masked where it can be', async () => {
    answerWith(aSecret)
    const answer = await fixture.call(ONE)
    expect(answer.httpStatus).toBe(200)
    expect(answer.text).toContain(base64('lanyard-masked-'))
    expect(answer.text).not.toContain(SECRET)
  })

  test('is refused where it cannot be, to be asked again', async () => {
    answerWith(SECRET, { 'content-type': PROTOBUF })
    const answer = await fixture.call(ONE)
    expect(answer).toMatchObject({ httpStatus: 503, text: expect.stringContaining('try again') })
    expect(answer.text).not.toContain(SECRET)
  })
})
