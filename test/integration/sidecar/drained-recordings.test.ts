import type { TLSSocket } from 'node:tls'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { allowRecorded, type FakeRecording } from '../../support/fake-recordings.ts'
import {
  eventually,
  type SidecarFixture,
  startSidecarFixture,
} from '../../support/sidecar-fixture.ts'
import { openTunnelTo, tunnelHead } from '../../support/tunnel-openings.ts'
import { fromServer } from '../../support/websocket-bytes.ts'

/* The pod ends while sessions are open: what they said is on record, and why they ended. */

let fixture: SidecarFixture
beforeEach(async () => {
  fixture = await startSidecarFixture({ LANYARD_DRAIN_MS: '50' })
  fixture.controlPlane.decide((_question, id) => allowRecorded(id, 'all'))
})
afterEach(() => fixture.close())

async function closeAll(): Promise<void> {
  for (const { close } of fixture.sidecar.closers) await close()
}

/** A session whose caller has got some output. */
async function openSession() {
  const request = tunnelHead(fixture, 'GET /api/v1/namespaces/team/pods/web/exec?command=cat', [
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Protocol: v5.channel.k8s.io',
  ])
  const switching =
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
    'Sec-WebSocket-Accept: accepted\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n'
  const [caller, server] = await openTunnelTo(fixture, request, switching)
  const got: Buffer[] = []
  caller.on('data', (chunk: Buffer) => got.push(chunk))
  server.write(fromServer(1, 'the last words'))
  await eventually('output', () => textOf(got).includes('the last words'))
  const [recording] = fixture.controlPlane.recordings.all
  return { caller, got, recording: recording as FakeRecording }
}

const textOf = (got: readonly Buffer[]) => Buffer.concat(got).toString('latin1')

function expectEnded(recording: FakeRecording, ending: string, reason: string): void {
  expect(recording).toMatchObject({ ending, reason })
  expect(recording.events[0]).toMatchObject({
    ...{ kind: 'output', bytes: Buffer.from('the last words') },
  })
}

test('a session that is open when the drain is over ends, and its caller is told why', async () => {
  const { got, recording } = await openSession()
  await closeAll()
  const reason = 'The pod ends, and this session with it'
  expectEnded(recording, 'drained', reason)
  expect(recording.events.at(-1)).toMatchObject({
    ...{ kind: 'marker', text: `session ended, drained: ${reason}` },
  })
  expect(textOf(got)).toContain(reason)
  expect(fixture.controlPlane.outcomes).toMatchObject([{ httpStatus: 101 }])
  await fixture.restart()
})

test.each([
  ['ends', (caller: TLSSocket) => void caller.end()],
  ['breaks off', (caller: TLSSocket) => void caller.destroy()],
])('a session whose caller %s as the drain begins is on record whole', async (_name, leave) => {
  const { caller, recording } = await openSession()
  leave(caller)
  await closeAll()
  expect(recording.ending).toMatch(/^(caller_gone|drained)$/)
  expect(recording.events[0]).toMatchObject({ bytes: Buffer.from('the last words') })
  await fixture.restart()
})

test('a control plane that says nothing any more does not hold the process', async () => {
  const { recording } = await openSession()
  fixture.controlPlane.recordings.isDeaf = true
  const began = performance.now()
  await closeAll()
  expect(performance.now() - began).toBeLessThan(20_000)
  expect(recording.ending).toBe('drained')
  await fixture.restart()
})
