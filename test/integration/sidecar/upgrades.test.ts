import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually, readAll, type SidecarFixture } from '../../support/sidecar-fixture.ts'
import { openTunnelTo, startTunnelFixture, tunnelHead } from '../../support/tunnel-openings.ts'

/*
 * Upgrades besides exec, attach and port-forward: watches and logs over WebSocket, what aggregated APIs
 * and proxied services serve, and those that everyone ignores.
 */

let fixture: SidecarFixture
beforeEach(async () => {
  fixture = await startTunnelFixture()
})
afterEach(() => fixture.close())

const PODS = '/api/v1/namespaces/team/pods'
const CONSOLE =
  '/apis/subresources.kubevirt.io/v1/namespaces/team/virtualmachineinstances/vm/console'
const PROXIED = '/api/v1/namespaces/team/services/web/proxy/ws'

function head(line: string, upgrade: string, headers: readonly string[] = []): string {
  const asks = ['Connection: Upgrade, HTTP2-Settings', `Upgrade: ${upgrade}`]
  return tunnelHead(fixture, line, [...asks, ...headers])
}

/** Opens a tunnel that the fake API server accepts; both ends in hand. */
async function openTunnel(request: string, protocol: string): Promise<[TLSSocket, Duplex]> {
  const answer = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\nX-Backend: web\r\nSet-Cookie: a=b\r\n\r\n`
  const [caller, server] = await openTunnelTo(fixture, request, answer)
  server.on('end', () => server.end()).resume()
  return [caller, server]
}

test.each([
  ['a watch', `${PODS}?watch=true`, 'websocket', { verb: 'watch', resource: 'pods' }],
  ['a log', `${PODS}/p/log?follow=true`, 'websocket', { verb: 'get', subresource: 'log' }],
  ['a console', CONSOLE, 'websocket', { verb: 'get', subresource: 'console' }],
  ['a proxied service', PROXIED, 'websocket', { verb: 'get', subresource: 'proxy' }],
  ['a protocol of its own', CONSOLE, 'plain.kubevirt.io', { verb: 'get', subresource: 'console' }],
])('relayTunnel() relays %s, judged by its resource', async (_name, target, protocol, judged) => {
  const [caller, server] = await openTunnel(head(`GET ${target}`, protocol), protocol)
  let received = ''
  caller.on('data', (chunk: Buffer) => {
    received += chunk.toString()
  })
  server.write('an event')
  await eventually('event', () => received.endsWith('an event'))
  expect(received).toContain('x-backend: web\r\n')
  expect(received).toContain('set-cookie: a=b\r\n')
  expect(fixture.api.requests[0]).toMatchObject({
    method: 'GET',
    target,
    headers: { connection: 'Upgrade', upgrade: protocol },
  })
  expect(fixture.controlPlane.questions).toMatchObject([
    { attributes: { ...judged, alsoVerbs: [] } },
  ])
  caller.destroy()
  await eventually('upstream closed', () => fixture.api.connections.size === 0)
})

test('relayTunnel() cuts a watch over WebSocket when what allowed it no longer does', async () => {
  const [caller] = await openTunnel(head(`GET ${PODS}?watch=true`, 'websocket'), 'websocket')
  const received = readAll(caller)
  fixture.controlPlane.revoke('decision-1')
  await received
  await eventually('upstream closed', () => fixture.api.connections.size === 0)
  await eventually('outcome', () => fixture.controlPlane.outcomes.length === 1)
  expect(fixture.controlPlane.outcomes[0]).toMatchObject({ fault: 'permission_denied' })
})

test('relayTunnel() passes the Origin on, which kube-apiserver wants of a watch', async () => {
  const request = head(`GET ${PODS}?watch=true`, 'websocket', ['Origin: http://localhost'])
  const [caller] = await openTunnel(request, 'websocket')
  expect(fixture.api.requests[0]?.headers.origin).toBe('http://localhost')
  caller.destroy()
})

test('relayTunnel() waits for a proxied service as long as it takes', async () => {
  fixture.api.onUpgrade((_incoming, socket) => {
    setTimeout(() => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate'), 1_300)
  })
  const caller = await fixture.connect()
  const answer = readAll(caller)
  caller.write(head(`GET ${PROXIED}`, 'websocket'))
  expect(await answer).toMatch(/^HTTP\/1\.1 200 OK\r\n.*late$/s)
})

describe('startServer() ignores, as Go does, an upgrade to', () => {
  test.each([
    ['h2c', 'GET', PODS, []],
    ['TLS/1.2', 'GET', PODS, []],
    ['h2c', 'POST', PODS, ['Content-Length: 2']],
    ['websocket', 'GET', '/version', []],
    ['websocket, h2c', 'GET', PODS, []],
    ['h2c', 'GET', CONSOLE, []],
    ['h2c', 'GET', PROXIED, []],
    ['websocket', 'POST', `${PODS}/p/exec`, ['Transfer-Encoding: chunked']],
  ])('%s by %s %s', async (protocol, method, target, headers) => {
    const caller = await fixture.connect()
    const answer = readAll(caller)
    const body =
      headers.length === 0 ? '' : headers[0]?.startsWith('C') ? '{}' : '2\r\n{}\r\n0\r\n\r\n'
    caller.write(head(`${method} ${target}`, protocol, headers))
    await new Promise((resolve) => setTimeout(resolve, 20))
    caller.write(body)
    expect(await answer).toMatch(/^HTTP\/1\.1 200 OK\r\n.*connection: close/is)
    const [seen] = fixture.api.requests
    expect(seen).toMatchObject({ method, target })
    expect(seen?.headers.connection).toBeUndefined()
    expect(seen?.headers.upgrade).toBeUndefined()
    expect(seen?.headers['http2-settings']).toBeUndefined()
    expect(seen?.body.toString()).toBe(body === '' ? '' : '{}')
  })

  test('h2c, and serves nothing that follows on the connection, whole or in part', async () => {
    const caller = await fixture.connect()
    const answer = readAll(caller)
    const next = `DELETE ${PODS}/p HTTP/1.1\r\nAuthorization: Bearer ${fixture.token}\r\n\r\n`
    caller.write(
      `${head(`GET ${PODS}`, 'h2c')}POST ${PODS} HTTP/1.1\r\nContent-Length: 999\r\n\r\n`,
    )
    caller.write(next)
    expect((await answer).match(/HTTP\/1\.1/g)).toHaveLength(1)
    expect(fixture.api.requests.map(({ method }) => method)).toEqual(['GET'])
    expect(fixture.controlPlane.questions).toHaveLength(1)
  })
})
