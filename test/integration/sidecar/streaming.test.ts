import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { deny } from '../../support/fake-control-plane.ts'
import {
  eventually,
  readAll,
  type SidecarFixture,
  startSidecarFixture,
} from '../../support/sidecar-fixture.ts'

/* What clients of a cluster rely on beyond one request and its answer. */

const PODS = '/api/v1/namespaces/team/pods'
/** What is written there is sent on while it comes. */
const CONFIG_MAPS = '/api/v1/namespaces/team/configmaps'
const BODY_MAX = 128 * 1024 * 1024
let fixture: SidecarFixture
beforeEach(async () => {
  fixture = await startSidecarFixture({
    LANYARD_UPSTREAM_HEADERS_TIMEOUT_MS: '400',
    LANYARD_REQUEST_BODY_BYTES_MAX: `${BODY_MAX}`,
  })
})
afterEach(() => fixture.close())

const head = (line: string, ...headers: readonly string[]) =>
  [
    `${line} HTTP/1.1`,
    'Host: x',
    `Authorization: Bearer ${fixture.token}`,
    ...headers,
    '\r\n',
  ].join('\r\n')

test.each([
  ['a followed log', `${PODS}/web/log?follow=true`],
  ['a log', `${PODS}/web/log`],
  ['a watch', `${PODS}?watch=true`],
  ['a proxied service', '/api/v1/namespaces/team/services/web/proxy/slow'],
])(
  'forward() waits for %s that says nothing at first, and hands each line on',
  async (_name, target) => {
    const answer = new Promise<(text: string) => void>((resolve) => {
      fixture.api.onRequest((_incoming, outgoing) => {
        setTimeout(() => {
          outgoing.writeHead(200, { 'content-type': 'text/plain' })
          resolve((text) => outgoing.write(text))
        }, 900)
      })
    })
    const caller = await fixture.connect()
    let received = ''
    caller.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1')
    })
    caller.write(head(`GET ${target}`))
    const send = await answer
    send('first line\n')
    await eventually('first line', () => received.includes('first line\n'))
    expect(received).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    send('second line\n')
    await eventually('second line', () => received.includes('second line\n'))
    expect(fixture.controlPlane.outcomes).toEqual([])
    caller.destroy()
  },
)

test('forward() does not wait as long for an ordinary answer', async () => {
  fixture.api.onRequest(() => undefined)
  const beganMs = Date.now()
  expect((await fixture.call(PODS)).httpStatus).toBe(503)
  expect(Date.now() - beganMs).toBeLessThan(5_000)
})

test('forward() lets clients keep OpenAPI documents: ETag, Cache-Control and 304 pass', async () => {
  const target = '/openapi/v3/api/v1?hash=ABC'
  const etag = '"ABC"'
  fixture.api.onRequest((incoming, outgoing) => {
    const fresh = incoming.headers['if-none-match'] === etag
    outgoing.writeHead(fresh ? 304 : 200, {
      etag,
      'cache-control': 'public, immutable',
      expires: 'Thu, 31 Dec 2037 23:55:55 GMT',
    })
    outgoing.end(fresh ? undefined : '{"openapi":"3.0.0"}')
  })
  const first = await fixture.call(target)
  expect([first.httpStatus, first.text]).toEqual([200, '{"openapi":"3.0.0"}'])
  const again = await fixture.call(target, { headers: ['If-None-Match', etag] })
  expect([again.httpStatus, again.text]).toEqual([304, ''])
  for (const { headers } of [first, again]) {
    expect(headers).toMatchObject({ etag, 'cache-control': 'public, immutable' })
  }
  expect(fixture.api.requests.map(({ target: seen }) => seen)).toEqual([target, target])
  expect(fixture.controlPlane.questions[0]?.attributes).toMatchObject({
    verb: 'get',
    resourceRequest: false,
    path: '/openapi/v3/api/v1',
  })
})

test('forward() serves the pages of a chunked list, each decided by itself', async () => {
  const token = 'eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ=='
  fixture.api.onRequest((incoming, outgoing) => {
    const { searchParams } = new URL(incoming.url ?? '', 'https://x')
    const second = searchParams.get('continue') === token
    outgoing.writeHead(200, { 'content-type': 'application/json' })
    outgoing.end(
      JSON.stringify({
        metadata: second ? {} : { continue: token, remainingItemCount: 1 },
        items: [second ? 'b' : 'a'],
      }),
    )
  })
  const pages = [
    await fixture.call(`${PODS}?limit=1`),
    await fixture.call(`${PODS}?limit=1&continue=${encodeURIComponent(token)}`),
  ]
  expect(pages.map(({ text }) => JSON.parse(text))).toEqual([
    { metadata: { continue: token, remainingItemCount: 1 }, items: ['a'] },
    { metadata: {}, items: ['b'] },
  ])
  expect(fixture.controlPlane.questions.map(({ attributes }) => attributes?.verb)).toEqual([
    'list',
    'list',
  ])
})

test('forward() passes header values that are not ASCII as the bytes that came', async () => {
  const warning = Buffer.from('299 - "Grüße"')
  fixture.api.onRequest((incoming) => {
    incoming.socket.end(
      Buffer.concat([
        Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nWarning: '),
        warning,
        Buffer.from('\r\n\r\n{}'),
      ]),
    )
  })
  const caller = await fixture.connect()
  const answer = readAll(caller)
  caller.write(head(`GET ${PODS}`, 'Connection: close'))
  expect(await answer).toContain(warning.toString('latin1'))
})

test('forward() asks for no body of a denied request that waits for 100 Continue', async () => {
  fixture.controlPlane.decide((_request, id) => deny(id))
  const caller = await fixture.connect()
  const answer = readAll(caller)
  caller.write(head(`POST ${PODS}`, 'Content-Length: 1000', 'Expect: 100-continue'))
  const text = await answer
  expect(text).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/)
  expect(text).not.toContain('100 Continue')
  expect(fixture.api.requests).toEqual([])
})

test('forward() ends the request at the API server when the caller breaks off an upload', async () => {
  let aborted = false
  fixture.api.onRequest((incoming) => {
    incoming.on('error', () => undefined)
    incoming.once('close', () => {
      aborted = !incoming.complete
    })
  })
  const caller = await fixture.connect()
  caller.write(`${head(`POST ${CONFIG_MAPS}`, 'Content-Length: 1000000')}${'x'.repeat(100_000)}`)
  await eventually('half of it', () => (fixture.api.requests[0]?.body.length ?? 0) === 100_000)
  caller.destroy()
  await eventually('upstream aborted', () => aborted)
  await eventually('outcome', () => fixture.controlPlane.outcomes.length === 1)
  expect(fixture.controlPlane.outcomes[0]).toMatchObject({ httpStatus: 0 })
  expect((await fixture.metrics()).match(/open_requests (\d)/)?.[1]).toBe('0')
})

test('forward() holds the caller of an upload back while the API server does not read', async () => {
  // An API server that takes nothing for as long as an answer may take has failed: here it may take longer.
  await fixture.close()
  fixture = await startSidecarFixture({ LANYARD_REQUEST_BODY_BYTES_MAX: `${BODY_MAX}` })
  const chunks: Buffer[] = []
  let received = 0
  const reading = new Promise<() => void>((resolve) => {
    fixture.api.onConnection((socket) => {
      socket.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        received += chunk.length
      })
      socket.pause()
      resolve(() => socket.resume())
    })
  })
  const body = randomBytes(64 * 1024 * 1024)
  const caller = await fixture.connect()
  caller.on('error', () => undefined)
  caller.write(head(`POST ${CONFIG_MAPS}`, `Content-Length: ${body.length}`))
  let taken = 0
  async function send(): Promise<void> {
    while (taken < body.length) {
      const piece = body.subarray(taken, taken + 64 * 1024)
      await new Promise((resolve) => {
        caller.write(piece, resolve)
      })
      taken += piece.length
    }
  }
  const sent = send()
  const resume = await reading
  await eventually('the begin of it', () => taken > 0, 15_000)
  await pause(700)
  // What kernel buffers and both processes hold, and far from all of it.
  expect(taken).toBeLessThan(32 * 1024 * 1024)
  resume()
  await sent
  await eventually('all of it', () => received > body.length, 15_000)
  const all = Buffer.concat(chunks)
  expect(all.subarray(all.indexOf('\r\n\r\n') + 4).equals(body)).toBe(true)
  caller.destroy()
})

test('startServer() listens on IPv6 loopback too', async () => {
  const caller = await fixture.connect('::1')
  const answer = readAll(caller)
  caller.write(head(`GET ${PODS}`, 'Connection: close'))
  expect(await answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  expect(caller.authorized).toBe(true)
})
