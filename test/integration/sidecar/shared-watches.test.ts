import type { ServerResponse } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  eventually,
  type SidecarFixture,
  startSidecarFixture,
} from '../../support/sidecar-fixture.ts'

/* Watches over HTTP/2: on one connection, and otherwise as if each had its own. */

const EVENT = '{"type":"ADDED"}\n'
let fixture: SidecarFixture
/** The answers to the watches, in the order in which they came. */
let answers: ServerResponse[] = []

async function start(env: Readonly<Record<string, string>> = {}, http2 = true): Promise<void> {
  answers = []
  fixture = await startSidecarFixture(env, '', { http2 })
  fixture.api.onRequest((_incoming, outgoing) => {
    outgoing.writeHead(200, { 'content-type': 'application/json' })
    outgoing.write(EVENT)
    answers.push(outgoing)
  })
}
beforeEach(() => start())
afterEach(() => fixture.close())

/** A caller's watch: what it got, and whether its connection is over. */
async function watch(name: string): Promise<{ text: string; isOver: boolean; socket: TLSSocket }> {
  const socket = await fixture.connect()
  const seen = { text: '', isOver: false, socket }
  socket.on('data', (chunk: Buffer) => {
    seen.text += chunk.toString()
  })
  socket.on('error', () => undefined)
  socket.on('end', () => {
    seen.isOver = true
    socket.end()
  })
  socket.write(
    `GET /api/v1/namespaces/team/pods?watch=1&n=${name} HTTP/1.1\r\nHost: x\r\nX-Name: ${name}\r\nAuthorization: Bearer ${fixture.token}\r\n\r\n`,
  )
  await eventually(`watch ${name}`, () => seen.text.includes('ADDED'))
  return seen
}

const auditIds = () => fixture.api.requests.map(({ headers }) => headers['audit-id'])

describe('startSidecar() with an API server that offers HTTP/2', () => {
  test('has watches share one connection, each with its own decision and headers', async () => {
    const watches = [await watch('a'), await watch('b'), await watch('c')]
    expect(fixture.api.connections.size).toBe(1)
    expect(auditIds()).toEqual(['decision-1', 'decision-2', 'decision-3'])
    expect(fixture.api.requests.map(({ headers }) => headers['x-name'])).toEqual(['a', 'b', 'c'])
    answers[1]?.write('{"type":"BOOKMARK"}\n')
    await eventually('event', () => watches[1]?.text.includes('BOOKMARK') === true)
    expect(watches[0]?.text).not.toContain('BOOKMARK')
    expect(watches[0]?.text).toMatch(/^HTTP\/1.1 200 OK\r\n/)
    expect(watches[0]?.text).toContain('transfer-encoding: chunked\r\n')
  })

  test('sends all else over HTTP/1.1', async () => {
    fixture.api.onRequest((incoming, outgoing) => {
      incoming.resume()
      outgoing.writeHead(200, { 'x-version': incoming.httpVersion }).end('{}')
    })
    const versions = await Promise.all([
      fixture.call('/api/v1/namespaces/team/pods'),
      fixture.call('/api/v1/namespaces/team/pods/web/log?follow=true'),
      fixture.call('/api/v1/namespaces/team/pods', { method: 'POST', body: '{}' }),
      fixture.call('/api/v1/namespaces/team/pods?watch=true'),
    ])
    const said = versions.map(({ headers }) => headers['x-version'])
    expect(said).toEqual(['1.1', '1.1', '1.1', '2.0'])
  })

  test('sends the token that is there now, on a connection that was made with an older one', async () => {
    await watch('old')
    await fixture.writeFile('api-token', 'next-token')
    await eventually('token', () => {
      void watch('next').catch(() => undefined)
      return fixture.api.requests.at(-1)?.headers.authorization === 'Bearer next-token'
    })
    expect(fixture.api.connections.size).toBe(1)
  })

  test('cuts a revoked watch and no other', async () => {
    const [cut, other] = [await watch('a'), await watch('b')]
    fixture.controlPlane.revoke('decision-1')
    await eventually('cut', () => cut.isOver)
    // Without the end that a whole answer has.
    expect(cut.text).not.toContain('\r\n0\r\n\r\n')
    answers[1]?.write('{"type":"BOOKMARK"}\n')
    await eventually('event', () => other.text.includes('BOOKMARK'))
    await eventually('outcome', () => fixture.controlPlane.outcomes.length === 1)
    expect(fixture.controlPlane.outcomes[0]).toMatchObject({
      ...{ httpStatus: 200, fault: 'permission_denied' },
    })
    expect(fixture.api.connections.size).toBe(1)
  })

  test('ends a watch that the API server ends, and reports its bytes', async () => {
    const seen = await watch('a')
    answers[0]?.end()
    await eventually('end', () => seen.text.endsWith('\r\n0\r\n\r\n'))
    await eventually('outcome', () => fixture.controlPlane.outcomes.length === 1)
    expect(fixture.controlPlane.outcomes[0]).toMatchObject({
      ...{ httpStatus: 200, fault: '', responseBytes: BigInt(EVENT.length) },
    })
  })

  test('cuts the watches of a connection that breaks, and the next one has another', async () => {
    const [first, second] = [await watch('a'), await watch('b')]
    for (const socket of fixture.api.connections) socket.destroy()
    await eventually('cut', () => first.isOver && second.isOver)
    expect(first.text).not.toContain('\r\n0\r\n\r\n')
    const third = await watch('c')
    expect(third.text).toContain('ADDED')
    // None was sent a second time by the sidecar.
    expect(auditIds()).toEqual(['decision-1', 'decision-2', 'decision-3'])
  })

  test('tells the API server that a caller has gone', async () => {
    const [gone] = [await watch('a'), await watch('b')]
    let closed = 0
    for (const answer of answers) {
      answer.on('close', () => {
        closed += 1
      })
    }
    gone.socket.destroy()
    await eventually('closed', () => closed === 1)
    expect(fixture.api.connections.size).toBe(1)
  })
})

test.each([
  ['is told not to', { LANYARD_SHARE_WATCHES: 'false' }, true],
  ['is not offered HTTP/2', {}, false],
])('startSidecar() gives each watch its own connection when it %s', async (_name, env, http2) => {
  await fixture.close()
  await start(env, http2)
  await watch('a')
  await watch('b')
  expect(fixture.api.requests.length).toBe(2)
  await eventually('connections', () => fixture.api.connections.size === 2)
})
