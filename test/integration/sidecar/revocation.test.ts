import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { allow } from '../../support/fake-control-plane.ts'
import {
  eventually,
  type SidecarFixture,
  startSidecarFixture,
} from '../../support/sidecar-fixture.ts'

let fixture: SidecarFixture
beforeEach(async () => {
  fixture = await startSidecarFixture()
})
afterEach(() => fixture.close())

/** Opens a tunnel that the fake API server accepts; both ends in hand. */
async function openTunnel(): Promise<[TLSSocket, Duplex]> {
  const accepted = new Promise<Duplex>((resolve) => {
    fixture.api.onUpgrade((_incoming, socket) => {
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
      )
      resolve(socket)
    })
  })
  const caller = await fixture.connect()
  caller.write(
    `GET /api/v1/namespaces/team/pods/web/exec?command=cat HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${fixture.token}\r\n` +
      'Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  )
  return [caller, await accepted]
}

describe('a revocation', () => {
  test('cuts an open tunnel within two seconds', async () => {
    const [caller, server] = await openTunnel()
    const closed = Promise.all(
      [caller, server].map(
        (socket) =>
          new Promise((resolve) => {
            socket.on('error', () => undefined)
            socket.on('close', resolve)
            socket.on('end', () => socket.end())
            socket.resume()
          }),
      ),
    )
    await new Promise((resolve) => {
      setTimeout(resolve, 50)
    })
    const startMs = Date.now()
    fixture.controlPlane.revoke('decision-1')
    await closed
    expect(Date.now() - startMs).toBeLessThan(2_000)
    await eventually('outcome', () => fixture.controlPlane.outcomes.length === 1)
    expect(fixture.controlPlane.outcomes[0]).toMatchObject({
      httpStatus: 101,
      fault: 'permission_denied',
    })
  })

  test('cuts an open watch and no other request', async () => {
    fixture.api.onRequest((_incoming, outgoing) => {
      outgoing.writeHead(200)
      outgoing.write('{"type":"ADDED"}\n')
    })
    const watches = await Promise.all([fixture.connect(), fixture.connect()])
    let closed = 0
    for (const watch of watches) {
      watch.write(
        `GET /api/v1/pods?watch=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${fixture.token}\r\n\r\n`,
      )
      watch.on('end', () => {
        closed += 1
      })
      await new Promise((resolve) => {
        watch.once('data', resolve)
      })
    }
    fixture.controlPlane.revoke('decision-1')
    await eventually('first watch closed', () => closed === 1, 2_000)
    expect(watches[0]?.destroyed || watches[0]?.readableEnded).toBe(true)
    expect(watches[1]?.destroyed).toBe(false)
    watches[1]?.destroy()
  })

  test('that follows its decision immediately cuts the request too', async () => {
    fixture.controlPlane.decide((_request, id) => {
      setImmediate(() => fixture.controlPlane.revoke(id))
      return allow(id)
    })
    const answer = await fixture.call('/api/v1/pods?watch=1')
    expect(answer.httpStatus).toBe(403)
    expect(JSON.parse(answer.text)).toMatchObject({
      reason: 'Forbidden',
      message: expect.stringMatching(/no longer does: .*\[decision decision-1\]$/),
    })
    await eventually('outcome', () => fixture.controlPlane.outcomes.length === 1)
    expect(fixture.controlPlane.outcomes[0]).toMatchObject({
      httpStatus: 403,
      fault: 'permission_denied',
    })
  })
})
