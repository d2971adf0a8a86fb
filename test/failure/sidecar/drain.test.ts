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
