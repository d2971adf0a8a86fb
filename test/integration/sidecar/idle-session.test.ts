import { setTimeout as pause } from 'node:timers/promises'
import { status } from '@grpc/grpc-js'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { allowRecorded } from '../../support/fake-recordings.ts'
import { told } from '../../support/observe-bytes.ts'
import {
  eventually,
  type SidecarFixture,
  startSidecarFixture,
} from '../../support/sidecar-fixture.ts'
import { openTunnelTo, tunnelHead } from '../../support/tunnel-openings.ts'
import { fromClient, fromServer } from '../../support/websocket-bytes.ts'

/*
 * A session in which nothing happens for hours stays open. Its hours are made of what happens in them, and sooner: the
 * sidecar enrols again when its session with the control plane has aged, and pings over connections that are silent.
 */

/** By default an hour and ten seconds. */
const SESSION_MS = 500
const KEEPALIVE_MS = 200
const IDLE_MS = 4_000

let fixture: SidecarFixture
beforeEach(async () => {
  fixture = await startSidecarFixture({ LANYARD_KEEPALIVE_MS: `${KEEPALIVE_MS}` })
  const { controlPlane } = fixture
  controlPlane.decide((_question, id) => allowRecorded(id, 'all'))
  controlPlane.setSessionMs(SESSION_MS)
  controlPlane.forgetSessions()
  controlPlane.endStreams(status.UNAVAILABLE)
  await eventually('a session that ages fast', () => controlPlane.enrolments.length >= 2)
})
afterEach(() => fixture.close())

const SWITCHING =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Accept: accepted\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n'

test('a recorded session in which nothing happens stays open, and on record, over many enrolments', async () => {
  const head = tunnelHead(
    fixture,
    'GET /api/v1/namespaces/team/pods/web/exec?command=cat&stdin=true&container=app',
    [
      ...['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'],
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Protocol: v5.channel.k8s.io',
    ],
  )
  const [caller, server] = await openTunnelTo(fixture, head, SWITCHING)
  const { controlPlane } = fixture
  const [shown, typed]: [Buffer[], Buffer[]] = [[], []]
  caller.on('data', (chunk: Buffer) => shown.push(chunk))
  server.on('data', (chunk: Buffer) => typed.push(chunk))
  await eventually('the record', () => controlPlane.recordings.all.length === 1)
  const before = controlPlane.enrolments.length
  await pause(IDLE_MS)
  expect(controlPlane.enrolments.length - before).toBeGreaterThanOrEqual(4)

  caller.write(fromClient(0, 'x'))
  await eventually('the keystroke', () => Buffer.concat(typed).length > 0)
  server.write(fromServer(1, 'a line after hours'))
  const said = () => Buffer.concat(shown).includes('a line after hours')
  await eventually('its answer', said)
  const [recording, ...others] = controlPlane.recordings.all
  expect([others, recording?.ending]).toEqual([[], undefined])
  const events = () => told(recording?.events ?? [])
  await eventually('both on record', () => events().length === 2)
  expect(events()).toEqual([
    ['input', 'x'],
    ['output', 'a line after hours'],
  ])
})
