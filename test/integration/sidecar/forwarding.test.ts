import { createHash, randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { allow } from '../../support/fake-control-plane.ts'
import {
  eventually,
  REAL_TOKEN,
  readAll,
  type SidecarFixture,
  startSidecarFixture,
} from '../../support/sidecar-fixture.ts'

let fixture: SidecarFixture
beforeEach(async () => {
  fixture = await startSidecarFixture()
})
afterEach(() => fixture.close())

const PODS = '/api/v1/namespaces/team/pods'

test('forward() sends the real token and the decision id, and what the caller says beside them', async () => {
  await fixture.call(PODS, {
    headers: [
      ...['Accept', 'application/json', 'Accept-Encoding', 'gzip', 'User-Agent', 'kubectl/v1.34'],
      ...['Audit-ID', 'forged', 'audit-id', 'forged-too', 'Cookie', 'a=b', 'Forwarded', 'for=1'],
      ...['X-Forwarded-For', '1.1.1.1', 'Proxy-Authorization', 'x', 'Kubectl-Command', 'get'],
      ...['TE', 'trailers', 'Keep-Alive', 'timeout=1', 'traceparent', '00-x'],
    ],
  })
  const [seen] = fixture.api.requests
  expect(seen?.target).toBe(PODS)
  expect(seen?.rawHeaders).toEqual([
    ...['host', new URL(fixture.api.url).host],
    ...['authorization', `Bearer ${REAL_TOKEN}`, 'audit-id', expect.stringMatching(/^decision-/)],
    ...['user-agent', 'kubectl/v1.34', 'accept', 'application/json', 'accept-encoding', 'gzip'],
    ...['cookie', 'a=b', 'forwarded', 'for=1', 'x-forwarded-for', '1.1.1.1'],
    ...['kubectl-command', 'get', 'traceparent', '00-x'],
  ])
})

test.each(['GET', 'HEAD', 'DELETE'])('forward() sends the body of a %s', async (method) => {
  await fixture.call(PODS, { method, body: '{"kind":"DeleteOptions"}' })
  const [seen] = fixture.api.requests
  expect([seen?.method, seen?.body.toString()]).toEqual([method, '{"kind":"DeleteOptions"}'])
})

test.each([
  ['close, Authorization, Audit-ID'],
  ['Authorization'],
  ['keep-alive, X-Kproxy-Root, Host'],
])('forward() keeps its own headers when the caller sends Connection: %s', async (connection) => {
  await fixture.call(PODS, { headers: ['Connection', connection] })
  expect(fixture.api.requests[0]?.headers).toMatchObject({
    authorization: `Bearer ${REAL_TOKEN}`,
    'audit-id': expect.stringMatching(/^decision-/),
    host: new URL(fixture.api.url).host,
  })
})

test('judge() asks with the attributes of the request that is sent', async () => {
  await fixture.call(`${PODS}/web/log?container=app&follow=true`, {
    headers: ['User-Agent', 'kubectl/v1.34'],
  })
  expect(fixture.controlPlane.questions).toHaveLength(1)
  expect(fixture.controlPlane.questions[0]).toMatchObject({
    container: 'app',
    userAgent: 'kubectl/v1.34',
    targetContainer: 'app',
    refusedBecause: '',
    attributes: {
      verb: 'get',
      resource: 'pods',
      subresource: 'log',
      namespace: 'team',
      name: 'web',
      apiVersion: 'v1',
      resourceRequest: true,
    },
  })
})

test.each([
  ['POST', PODS, 'application/json', Buffer.from('{"kind":"Pod"}'), 'create'],
  ['PUT', `${PODS}/a`, 'application/vnd.kubernetes.protobuf', randomBytes(70_000), 'update'],
  [
    'PATCH',
    `${PODS}/a?fieldManager=x`,
    'application/apply-patch+yaml',
    Buffer.from('a: 1'),
    'patch',
  ],
  ['POST', PODS, 'application/cbor', Buffer.from([0xd9, 0xd9, 0xf7, 0xa0]), 'create'],
  ['DELETE', `${PODS}/a`, 'application/json', Buffer.from('{"kind":"DeleteOptions"}'), 'delete'],
])('forward() passes the body of %s %s (%s) as bytes', async (method, target, type, body, verb) => {
  await fixture.call(target, { method, headers: ['Content-Type', type], body })
  const [seen] = fixture.api.requests
  expect([seen?.method, seen?.target, seen?.headers['content-type']]).toEqual([
    method,
    target,
    type,
  ])
  expect(seen?.headers['content-length']).toBe(`${body.length}`)
  expect(seen?.body.equals(body)).toBe(true)
  expect(fixture.controlPlane.questions[0]?.attributes?.verb).toBe(verb)
})

test('forward() passes a chunked body on', async () => {
  const socket = await fixture.connect()
  const answer = readAll(socket)
  socket.write(
    `POST ${PODS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${fixture.token}\r\n` +
      'Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n',
  )
  expect(await answer).toMatch(/^HTTP\/1\.1 200 OK/)
  expect(fixture.api.requests[0]?.body.toString()).toBe('abcde')
})

test('forward() leaves a gzip answer as it is, with its headers', async () => {
  const body = gzipSync(randomBytes(200_000))
  fixture.api.onRequest((_incoming, outgoing) => {
    outgoing.writeHead(200, {
      'content-encoding': 'gzip',
      'content-length': `${body.length}`,
      vary: 'Accept-Encoding',
      warning: '299 - "one", 299 - "two"',
      'x-kubernetes-pf-flowschema-uid': 'u',
    })
    outgoing.end(body)
  })
  const answer = await fixture.call(PODS)
  expect(answer.body.equals(body)).toBe(true)
  expect(answer.headers).toMatchObject({
    'content-encoding': 'gzip',
    'content-length': `${body.length}`,
    vary: 'Accept-Encoding',
    warning: '299 - "one", 299 - "two"',
    'x-kubernetes-pf-flowschema-uid': 'u',
  })
})

test('forward() passes cookies on and keeps hop-by-hop headers of the API server', async () => {
  fixture.api.onRequest((_incoming, outgoing) => {
    outgoing.writeHead(200, {
      connection: 'keep-alive, X-Hop',
      'x-hop': '1',
      'set-cookie': ['a=b'],
      'proxy-authenticate': 'x',
      trailer: 'x-late',
    })
    outgoing.write('{}')
    outgoing.addTrailers({ 'x-late': '1' })
    outgoing.end()
  })
  const { headers, text } = await fixture.call(PODS)
  expect(text).toBe('{}')
  expect(Object.keys(headers).sort()).toEqual([
    ...['connection', 'date', 'set-cookie', 'transfer-encoding'],
  ])
})

test('forward() adds the warning of the decision', async () => {
  fixture.controlPlane.decide((_request, id) => allow(id, 'would be "denied"\r\nX: y'))
  const { headers } = await fixture.call(PODS)
  expect(headers['warning']).toBe('299 - "would be \\"denied\\" X: y"')
})

test('forward() answers HEAD without a body and keeps the connection usable', async () => {
  fixture.api.onRequest((incoming, outgoing) => {
    outgoing.writeHead(200, { 'content-length': '2' })
    outgoing.end(incoming.method === 'HEAD' ? undefined : '{}')
  })
  const head = await fixture.call(PODS, { method: 'HEAD' })
  expect([head.httpStatus, head.headers['content-length'], head.text]).toEqual([200, '2', ''])
  expect((await fixture.call(PODS)).text).toBe('{}')
})

test.each([[204], [304], [404], [409], [410], [500]])(
  'forward() passes status %i of the API server on',
  async (httpStatus) => {
    fixture.api.onRequest((_incoming, outgoing) => outgoing.writeHead(httpStatus).end())
    expect((await fixture.call(PODS)).httpStatus).toBe(httpStatus)
    await eventually('outcome', () => fixture.controlPlane.outcomes.length === 1)
    expect(fixture.controlPlane.outcomes[0]).toMatchObject({ httpStatus, fault: '' })
  },
)

test('forward() hands a watch event on before the answer ends, and its head before any event', async () => {
  const socket = await fixture.connect()
  let received = ''
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1')
  })
  const write = new Promise<(text: string) => void>((resolve) => {
    fixture.api.onRequest((_incoming, outgoing) => {
      outgoing.writeHead(200, { 'content-type': 'application/json' })
      outgoing.flushHeaders()
      resolve((text) => outgoing.write(text))
    })
  })
  socket.write(
    `GET ${PODS}?watch=true HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${fixture.token}\r\n\r\n`,
  )
  const send = await write
  await eventually('head', () => received.includes('\r\n\r\n'))
  send('{"type":"ADDED"}\n')
  await eventually('first event', () => received.includes('ADDED'))
  send('{"type":"BOOKMARK"}\n')
  await eventually('second event', () => received.includes('BOOKMARK'))
  expect(fixture.controlPlane.outcomes).toEqual([])
  socket.destroy()
  await eventually('outcome', () => fixture.controlPlane.outcomes.length === 1)
})

test('forward() ends the request at the API server when the caller goes away', async () => {
  let gone = false
  fixture.api.onRequest((incoming, outgoing) => {
    incoming.socket.once('close', () => {
      gone = true
    })
    outgoing.writeHead(200).write('x')
  })
  const socket = await fixture.connect()
  socket.write(
    `GET ${PODS}?watch=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${fixture.token}\r\n\r\n`,
  )
  await new Promise((resolve) => {
    socket.once('data', resolve)
  })
  socket.destroy()
  await eventually('upstream closed', () => gone)
  await eventually('outcome', () => fixture.controlPlane.outcomes.length === 1)
  expect(fixture.controlPlane.outcomes[0]).toMatchObject({ httpStatus: 200, fault: '' })
})

test('forward() sends nothing when the caller goes away while it waits for the decision', async () => {
  const decided = Promise.withResolvers<void>()
  fixture.controlPlane.decide(async (_request, id) => {
    await decided.promise
    return allow(id)
  })
  const socket = await fixture.connect()
  socket.write(`GET ${PODS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${fixture.token}\r\n\r\n`)
  await eventually('question', () => fixture.controlPlane.questions.length === 1)
  socket.destroy()
  await new Promise((resolve) => {
    setTimeout(resolve, 50)
  })
  decided.resolve()
  await eventually('outcome', () => fixture.controlPlane.outcomes.length === 1)
  expect(fixture.controlPlane.outcomes[0]).toMatchObject({ httpStatus: 0, fault: '' })
  expect(fixture.api.requests).toEqual([])
})

test('forward() holds the API server back when the caller reads slowly', async () => {
  const total = 64 * 1024 * 1024
  let sent = 0
  fixture.api.onRequest((_incoming, outgoing) => {
    outgoing.writeHead(200, { 'content-length': total })
    const chunk = Buffer.alloc(64 * 1024, 'x')
    function more(): void {
      while (sent < total) {
        sent += chunk.length
        if (!outgoing.write(chunk)) {
          outgoing.once('drain', more)
          return
        }
      }
      outgoing.end()
    }
    more()
  })
  const socket = await fixture.connect()
  socket.pause()
  socket.write(
    `GET ${PODS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${fixture.token}\r\nConnection: close\r\n\r\n`,
  )
  await eventually('first bytes', () => sent > 0)
  await new Promise((resolve) => {
    setTimeout(resolve, 500)
  })
  // What kernel buffers and both processes hold, and far from all of it.
  expect(sent).toBeLessThan(24 * 1024 * 1024)
  let received = 0
  socket.on('data', (chunk: Buffer) => {
    received += chunk.length
  })
  await new Promise((resolve) => {
    socket.once('end', resolve)
    socket.resume()
  })
  expect(received).toBeGreaterThan(total)
  socket.destroy()
})

test('forward() holds the caller back when the API server reads slowly', async () => {
  const body = randomBytes(3 * 1024 * 1024)
  const digest = createHash('sha256')
  fixture.api.onRequest((incoming, outgoing) => {
    incoming.pause()
    setTimeout(() => incoming.resume(), 300)
    incoming.on('data', (chunk: Buffer) => digest.update(chunk))
    incoming.on('end', () => outgoing.writeHead(201).end())
  })
  const answer = await fixture.call(PODS, { method: 'POST', body })
  expect(answer.httpStatus).toBe(201)
  expect(digest.digest('hex')).toBe(createHash('sha256').update(body).digest('hex'))
})

test('forward() lets the body come only after the decision when the caller asks first', async () => {
  const decided = Promise.withResolvers<void>()
  fixture.controlPlane.decide(async (_request, id) => {
    await decided.promise
    return allow(id)
  })
  const socket = await fixture.connect()
  let received = ''
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1')
  })
  socket.write(
    `POST ${PODS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${fixture.token}\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n`,
  )
  await eventually('question', () => fixture.controlPlane.questions.length === 1)
  expect(received).toBe('')
  decided.resolve()
  await eventually('continue', () => received.startsWith('HTTP/1.1 100 Continue\r\n\r\n'))
  socket.write('{}')
  await eventually('answer', () => received.includes('HTTP/1.1 200 OK'))
  expect(fixture.api.requests[0]?.body.toString()).toBe('{}')
  expect(fixture.api.requests[0]?.headers['expect']).toBeUndefined()
  socket.destroy()
})

test('forward() judges and answers pipelined requests one by one, in order', async () => {
  fixture.controlPlane.decide(async (request, id) => {
    await new Promise((resolve) => {
      setTimeout(resolve, request.attributes?.name === 'a' ? 100 : 0)
    })
    return allow(id)
  })
  fixture.api.onRequest((incoming, outgoing) => outgoing.writeHead(200).end(incoming.url))
  const socket = await fixture.connect()
  const answer = readAll(socket)
  const head = `HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${fixture.token}\r\n`
  socket.write(
    `GET ${PODS}/a ${head}\r\nGET ${PODS}/b ${head}\r\nGET ${PODS}/c ${head}Connection: close\r\n\r\n`,
  )
  const text = await answer
  expect(text.match(/pods\/[abc]/g)).toEqual(['pods/a', 'pods/b', 'pods/c'])
  expect(fixture.controlPlane.questions).toHaveLength(3)
})

test('forward() serves many requests at the same time over one stream', async () => {
  fixture.api.onRequest((incoming, outgoing) => outgoing.writeHead(200).end(incoming.url))
  const targets = Array.from({ length: 200 }, (_, index) => `${PODS}/pod-${index}`)
  const answers = await Promise.all(targets.map((target) => fixture.call(target)))
  expect(answers.map(({ text }) => text)).toEqual(targets)
  await eventually('outcomes', () => fixture.controlPlane.outcomes.length === 200)
  const ids = fixture.controlPlane.outcomes.map(({ decisionId }) => decisionId)
  expect(new Set(ids).size).toBe(200)
  expect(fixture.controlPlane.sessions).toHaveLength(1)
})

test('forward() reports bytes and status of what the caller got', async () => {
  fixture.api.onRequest((_incoming, outgoing) => outgoing.writeHead(200).end('x'.repeat(12_345)))
  await fixture.call(PODS)
  await eventually('outcome', () => fixture.controlPlane.outcomes.length === 1)
  expect(fixture.controlPlane.outcomes[0]).toMatchObject({
    httpStatus: 200,
    fault: '',
    responseBytes: 12_345n,
  })
})
