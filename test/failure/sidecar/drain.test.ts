import { Agent, request } from 'node:https'
import { connect as connectPlainly } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type SidecarFixture, startSidecarFixture } from '../../support/sidecar-fixture.ts'

/* The pod ends: what runs is finished, what became of it arrives, nothing new is begun. */

const PODS = '/api/v1/namespaces/team/pods'
let fixture: SidecarFixture
beforeEach(async () => {
  fixture = await startSidecarFixture({ LANYARD_DRAIN_MS: '1000' })
})
afterEach(() => fixture.close())

async function closeAll(): Promise<void> {
  for (const { close } of fixture.sidecar.closers) await close()
}

test('a request under way is answered, and its outcome arrives before the process ends', async () => {
  const release = Promise.withResolvers<void>()
  fixture.api.onRequest((_incoming, outgoing) => {
    void release.promise.then(() => outgoing.writeHead(200).end('{}'))
  })
  const answer = fixture.call(PODS)
  await expect.poll(() => fixture.api.requests.length).toBe(1)
  const closed = closeAll()
  await expect(fixture.call(PODS)).rejects.toThrow(/ECONNREFUSED/)
  release.resolve()
  expect((await answer).httpStatus).toBe(200)
  await closed
  expect(fixture.controlPlane.outcomes).toMatchObject([{ httpStatus: 200, fault: '' }])
  await fixture.restart()
})

test('a watch is cut when its time is over, and is on record as ended', async () => {
  fixture.api.onRequest((_incoming, outgoing) => {
    outgoing.writeHead(200)
    outgoing.write('{}')
  })
  const watch = fixture.call(`${PODS}?watch=true`)
  const failed = expect(watch).rejects.toThrow(/aborted|hang up|ECONNRESET/)
  await expect.poll(() => fixture.api.requests.length).toBe(1)
  const began = Date.now()
  await closeAll()
  expect(Date.now() - began).toBeLessThan(4_000)
  await failed
  expect(fixture.controlPlane.outcomes).toMatchObject([{ httpStatus: 200 }])
  await fixture.restart()
})

test('a tunnel is cut when its time is over, and is on record as ended', async () => {
  fixture.api.onUpgrade((_incoming, socket) => {
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    )
  })
  const caller = await fixture.connect()
  const path = `${PODS}/p/exec?container=app&command=id`
  caller.write(
    `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${fixture.token}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`,
  )
  const head = await new Promise<Buffer>((resolve) => {
    caller.once('data', resolve)
  })
  expect(head.toString()).toMatch(/^HTTP\/1\.1 101 /)
  const began = Date.now()
  await closeAll()
  expect(Date.now() - began).toBeLessThan(4_000)
  expect(fixture.controlPlane.outcomes).toHaveLength(1)
  await fixture.restart()
})

test.each([
  ['IPv4', '127.0.0.1'],
  ['IPv6', '::1'],
])('what runs over %s is waited for, and is cut when its time is over', async (_name, host) => {
  const release = Promise.withResolvers<void>()
  fixture.api.onRequest((incoming, outgoing) => {
    outgoing.writeHead(200).write('{')
    if (!incoming.url?.includes('watch')) void release.promise.then(() => outgoing.end('}'))
  })
  const received: string[] = ['', '']
  const ended: Promise<unknown>[] = []
  for (const [index, target] of [PODS, `${PODS}?watch=1`].entries()) {
    const caller = await fixture.connect(host)
    caller.on('error', () => undefined)
    caller.on('data', (chunk: Buffer) => {
      received[index] += chunk.toString('latin1')
    })
    ended.push(new Promise((resolve) => caller.once('end', resolve).once('close', resolve)))
    caller.write(
      `GET ${target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${fixture.token}\r\n\r\n`,
    )
  }
  await expect.poll(() => fixture.api.requests.length).toBe(2)
  const began = Date.now()
  const closed = closeAll()
  setTimeout(release.resolve, 300)
  await closed
  expect(Date.now() - began).toBeGreaterThan(900)
  expect(Date.now() - began).toBeLessThan(4_000)
  await Promise.all(ended)
  expect(received[0]).toMatch(/\}\r\n0\r\n\r\n$/)
  expect(fixture.controlPlane.outcomes).toMatchObject([{ httpStatus: 200 }, { httpStatus: 200 }])
  await fixture.restart()
})

test('callers that keep their connection do not make the drain longer', async () => {
  const release = Promise.withResolvers<void>()
  fixture.api.onRequest((_incoming, outgoing) => {
    void release.promise.then(() => outgoing.writeHead(200).end('{}'))
  })
  const agent = new Agent({ keepAlive: true, ca: fixture.caPem })
  const answered = new Promise<number | undefined>((resolve, reject) => {
    const outgoing = request({
      host: '127.0.0.1',
      port: fixture.sidecar.port,
      path: PODS,
      agent,
      headers: { authorization: `Bearer ${fixture.token}` },
    })
    outgoing.on('error', reject)
    outgoing.on('response', (response) =>
      response.resume().on('end', () => resolve(response.statusCode)),
    )
    outgoing.end()
  })
  await expect.poll(() => fixture.api.requests.length).toBe(1)
  const began = Date.now()
  const closed = fixture.sidecar.closers[0]?.close()
  release.resolve()
  expect(await answered).toBe(200)
  await closed
  expect(Date.now() - began).toBeLessThan(700)
  agent.destroy()
  await closeAll()
  await fixture.restart()
})

test('a connection that never came to a request does not hold the process', async () => {
  const silent = connectPlainly(fixture.sidecar.port, '127.0.0.1')
  silent.on('error', () => undefined)
  const unused = await fixture.connect()
  unused.on('error', () => undefined)
  const began = Date.now()
  await closeAll()
  expect(Date.now() - began).toBeLessThan(4_000)
  silent.destroy()
  unused.destroy()
  await fixture.restart()
})
