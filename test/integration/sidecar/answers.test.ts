import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  eventually,
  type SidecarFixture,
  startSidecarFixture,
} from '../../support/sidecar-fixture.ts'

/* What the API server, and what is behind it, answers is the caller's: status, headers and body. */

let fixture: SidecarFixture
beforeEach(async () => {
  fixture = await startSidecarFixture()
})
afterEach(() => fixture.close())

const PODS = '/api/v1/namespaces/team/pods'
const PROXIED = '/api/v1/namespaces/team/services/web/proxy/login'
const UNAUTHORIZED =
  '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}'
/** The same as kube-apiserver prints it for `Accept: application/vnd.kubernetes.protobuf`. */
const UNAUTHORIZED_PROTOBUF =
  'k8s\0\n\f\n\x02v1\x12\x06Status\x12)\n\x06\n\0\x12\0\x1a\0\x12\x07Failure\x1a\fUnauthorized"\fUnauthorized0\x91\x03\x1a\0"\0'

function answers(httpStatus: number, headers: Record<string, string>, body: string): void {
  fixture.api.onRequest((_incoming, outgoing) => {
    outgoing.writeHead(httpStatus, headers).end(body)
  })
}

test.each([
  [300, ''],
  [301, 'moved'],
  [302, ''],
  [303, ''],
  [304, ''],
  [307, ''],
  [308, ''],
  [404, 'no'],
  [418, 'short and stout'],
  [429, 'later'],
  [451, ''],
  [500, 'oops'],
  [503, 'away'],
  [599, ''],
])(
  'forward() passes %i on as it is, with its Location, and follows nothing',
  async (httpStatus, body) => {
    answers(httpStatus, { location: 'https://127.0.0.1:1/elsewhere', 'retry-after': '7' }, body)
    const answer = await fixture.call('/openapi/v3/api/v1?hash=old')
    expect([answer.httpStatus, answer.text]).toEqual([httpStatus, body])
    expect(answer.headers).toMatchObject({
      location: 'https://127.0.0.1:1/elsewhere',
      'retry-after': '7',
    })
    expect(fixture.api.requests).toHaveLength(1)
    await eventually('outcome', () => fixture.controlPlane.outcomes.length === 1)
    expect(fixture.controlPlane.outcomes[0]).toMatchObject({ httpStatus, fault: '' })
  },
)

describe('forward() takes for a 401 of kube-apiserver’s own', () => {
  test.each([
    ['JSON', PODS, 'GET', UNAUTHORIZED],
    ['protobuf', PODS, 'GET', UNAUTHORIZED_PROTOBUF],
    ['JSON to a proxied request', PROXIED, 'GET', UNAUTHORIZED],
    ['JSON to a write', PODS, 'POST', UNAUTHORIZED],
    ['nothing, to HEAD of a resource', PODS, 'HEAD', ''],
  ])('%s: 503, and the caller keeps its token', async (_name, target, method, body) => {
    answers(401, { 'content-type': 'application/json', 'content-length': `${body.length}` }, body)
    const answer = await fixture.call(target, { method })
    expect(answer.httpStatus).toBe(503)
    await eventually('outcome', () => fixture.controlPlane.outcomes.length === 1)
    expect(fixture.controlPlane.outcomes[0]).toMatchObject({ fault: 'upstream_unavailable' })
  })
})

describe('forward() takes for a 401 of someone behind kube-apiserver', () => {
  test.each([
    ['a page', PROXIED, 'GET', '<h1>Unauthorized</h1>'],
    ['nothing', PROXIED, 'GET', ''],
    ['nothing, to HEAD', PROXIED, 'HEAD', ''],
    [
      'another Status',
      PODS,
      'GET',
      UNAUTHORIZED.replace('"message":"Unauthorized"', '"message":"x"'),
    ],
    ['a long body with the same words', PROXIED, 'GET', UNAUTHORIZED.padEnd(100_000)],
  ])('%s: it arrives as it is', async (_name, target, method, body) => {
    answers(401, { 'www-authenticate': 'Basic realm="pod"', 'set-cookie': 'a=b' }, body)
    const answer = await fixture.call(target, { method })
    expect([answer.httpStatus, answer.text]).toEqual([401, body])
    expect(answer.headers).toMatchObject({
      'www-authenticate': 'Basic realm="pod"',
      'set-cookie': ['a=b'],
    })
    await eventually('outcome', () => fixture.controlPlane.outcomes.length === 1)
    expect(fixture.controlPlane.outcomes[0]).toMatchObject({
      httpStatus: 401,
      fault: '',
      responseBytes: BigInt(body.length),
    })
  })
})

test('forward() hands on the head of a proxied answer before its body', async () => {
  const body = Promise.withResolvers<void>()
  fixture.api.onRequest((_incoming, outgoing) => {
    outgoing.writeHead(200, { 'content-type': 'text/event-stream' })
    outgoing.flushHeaders()
    void body.promise.then(() => outgoing.end('data: x\n\n'))
  })
  const caller = await fixture.connect()
  const head = new Promise<string>((resolve) => {
    caller.once('data', (chunk: Buffer) => resolve(chunk.toString()))
  })
  caller.write(`GET ${PROXIED} HTTP/1.1\r\nAuthorization: Bearer ${fixture.token}\r\n\r\n`)
  expect(await head).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  body.resolve()
  caller.destroy()
})

test('forward() passes a watch on that came whole in one packet', async () => {
  answers(200, { 'transfer-encoding': 'chunked' }, '{"type":"ERROR","object":{"code":410}}')
  const answer = await fixture.call(`${PODS}?watch=1`)
  expect(answer.text).toBe('{"type":"ERROR","object":{"code":410}}')
})

test('forward() passes a head of 100 KB and bytes that are not ASCII on', async () => {
  const long = 'x'.repeat(100_000)
  fixture.api.onRequest((_incoming, outgoing) => {
    outgoing
      .writeHead(200, ['x-long', long, 'x-name', Buffer.from('é').toString('latin1')])
      .end('{}')
  })
  // Node's own client takes less.
  const caller = await fixture.connect()
  let received = ''
  caller.on('data', (chunk: Buffer) => {
    received += chunk.toString()
  })
  caller.write(`GET ${PROXIED} HTTP/1.1\r\nAuthorization: Bearer ${fixture.token}\r\n\r\n`)
  await eventually('answer', () => received.includes('{}'))
  expect(received).toContain(`x-long: ${long}\r\nx-name: é\r\n`)
  caller.destroy()
})
