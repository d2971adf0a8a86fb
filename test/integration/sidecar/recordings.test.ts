import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Fault } from '../../../core/fault.ts'
import { allowRecorded, type FakeRecording } from '../../support/fake-recordings.ts'
import { told } from '../../support/observe-bytes.ts'
import { eventually, readAll, type SidecarFixture } from '../../support/sidecar-fixture.ts'
import { openTunnelTo, startTunnelFixture, tunnelHead } from '../../support/tunnel-openings.ts'
import { frame, fromClient, fromServer } from '../../support/websocket-bytes.ts'

/* A session that has to be recorded passes as it is recorded, and ends where it cannot be. */

let fixture: SidecarFixture
beforeEach(async () => {
  fixture = await startTunnelFixture()
  fixture.controlPlane.decide((_question, id) => allowRecorded(id, 'all'))
})
afterEach(() => fixture.close())

const EXEC = '/api/v1/namespaces/team/pods/web/exec?command=cat&stdin=true&container=app'
const SWITCHING =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Accept: accepted\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n'
const CLOSE = frame(Buffer.from([3, 0xe8]), { opcode: 8 })

function websocket(target = EXEC): string {
  return tunnelHead(fixture, `GET ${target}`, [
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Protocol: v5.channel.k8s.io',
  ])
}

interface Opened {
  readonly caller: TLSSocket
  readonly server: Duplex
  /** Bytes that the caller got after the 101, as they come. */
  readonly got: Buffer[]
  readonly recording: FakeRecording
}

async function openRecorded(): Promise<Opened> {
  const [caller, server] = await openTunnelTo(fixture, websocket(), SWITCHING)
  const got: Buffer[] = []
  let head = ''
  caller.on('data', (chunk: Buffer) => {
    const isOver = head.endsWith('\r\n\r\n')
    if (isOver) got.push(chunk)
    else head += chunk.toString('latin1')
  })
  caller.on('end', () => caller.end())
  await eventually('the 101', () => head.endsWith('\r\n\r\n'))
  const [recording] = fixture.controlPlane.recordings.all
  if (recording === undefined) throw new Error('nothing is recorded')
  return { caller, server, got, recording }
}

const bytesOf = (got: readonly Buffer[]) => Buffer.concat(got)
const outcome = () => fixture.controlPlane.outcomes[0]

/** The `Status` that stands in a message of the error channel before the close. */
function toldStatus(bytes: Buffer): { message: string; code: number; status: string } {
  const text = bytes.toString('utf8')
  return JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1))
}

describe('a recorded session', () => {
  test('passes byte for byte, and is on record as the caller saw it', async () => {
    const { caller, server, got, recording } = await openRecorded()
    const heard: Buffer[] = []
    server.on('data', (chunk: Buffer) => heard.push(chunk))
    const typed = Buffer.concat([fromClient(4, '{"Width":9,"Height":8}'), fromClient(0, 'ls\r')])
    for (const byte of typed) caller.write(Buffer.from([byte]))
    await eventually('all was heard', () => bytesOf(heard).equals(typed))
    const said = Buffer.concat([
      fromServer(1, 'file'),
      fromServer(2, 'oops'),
      fromServer(3, '{"status":"Success"}'),
      CLOSE,
    ])
    server.write(said)
    await eventually('all was got', () => bytesOf(got).equals(said))
    server.end()
    await eventually('the end is on record', () => recording.ending !== undefined)
    expect(recording).toMatchObject({ decisionId: 'decision-1', level: 'all', ending: 'finished' })
    expect(told(recording.events.map(({ atUs: _, ...event }) => event))).toEqual([
      { kind: 'resize', columns: 9, rows: 8 },
      ['input', 'ls\r'],
      ['output', 'file'],
      ['error_output', 'oops'],
      { kind: 'exit', code: 0, status: '{"status":"Success"}' },
    ])
    await eventually('the outcome', () => outcome() !== undefined)
    expect(outcome()).toMatchObject({ httpStatus: 101, fault: '' })
  })

  test('is not opened at the API server when it cannot be recorded', async () => {
    const reached: string[] = []
    fixture.api.onUpgrade(({ url = '' }) => void reached.push(url))
    fixture.controlPlane.recordings.refusal = new Fault('overloaded', 'The volume is full')
    const caller = await fixture.connect()
    caller.write(websocket())
    const answer = await readAll(caller)
    expect(answer).toMatch(/^HTTP\/1.1 429 /)
    expect(answer).toContain('The volume is full')
    expect(reached).toEqual([])
    await eventually('the outcome', () => outcome() !== undefined)
    expect(outcome()).toMatchObject({ fault: 'overloaded' })
  })

  test('ends with the reason when the control plane cuts it', async () => {
    const { server, got, recording } = await openRecorded()
    server.write(fromServer(1, 'secret'))
    await eventually('output', () => got.length > 0)
    const closed = new Promise((resolve) => {
      server.once('end', resolve).resume()
    })
    const startMs = performance.now()
    recording.cut('bob has seen enough')
    await eventually('the caller is told', () => bytesOf(got).includes(CLOSE))
    await closed
    expect(performance.now() - startMs).toBeLessThan(2_000)
    expect(toldStatus(bytesOf(got))).toMatchObject({
      status: 'Failure',
      message: 'bob has seen enough',
      code: 403,
    })
    await eventually('the end is on record', () => recording.ending !== undefined)
    expect(recording).toMatchObject({ ending: 'cut', reason: 'bob has seen enough' })
    const text = 'session ended, cut: bob has seen enough'
    expect(recording.events.at(-1)).toMatchObject({ kind: 'marker', text })
    await eventually('the outcome', () => outcome() !== undefined)
    expect(outcome()).toMatchObject({ fault: 'permission_denied' })
  })

  test('ends when what allowed it no longer does, and says so', async () => {
    const { got, recording } = await openRecorded()
    fixture.controlPlane.revoke('decision-1')
    await eventually('the end is on record', () => recording.ending !== undefined)
    expect(toldStatus(bytesOf(got)).message).toBe('the grant has ended')
    expect(recording.ending).toBe('revoked')
    const text = 'session ended, revoked: the grant has ended'
    expect(recording.events.at(-1)).toMatchObject({ kind: 'marker', text })
  })

  test('ends when the recording breaks off', async () => {
    const { got, recording } = await openRecorded()
    recording.fail()
    await eventually('the caller is told', () => bytesOf(got).includes(CLOSE))
    expect(toldStatus(bytesOf(got))).toMatchObject({ code: 503 })
    await eventually('the outcome', () => outcome() !== undefined)
    expect(outcome()).toMatchObject({ fault: 'audit_unavailable' })
  })

  test('ends when the control plane dies', async () => {
    const { got } = await openRecorded()
    await fixture.controlPlane.kill()
    await eventually('the caller is told', () => bytesOf(got).includes(CLOSE))
    expect(toldStatus(bytesOf(got))).toMatchObject({ code: 503 })
  })

  test.each<[string, (opened: Opened) => void, string, boolean]>([
    ['the caller sends', ({ caller }) => caller.write(fromClient(9, 'x')), 'request_invalid', true],
    [
      'the API server sends',
      ({ server }) => server.write(fromServer(9, 'x')),
      'upstream_failed',
      false,
    ],
  ])('ends over what %s that cannot be recorded', async (_name, send, fault, isTold) => {
    const opened = await openRecorded()
    send(opened)
    await eventually('the end is on record', () => opened.recording.ending !== undefined)
    const { events, reason } = opened.recording
    const text = `session ended, unreadable: ${reason}`
    expect(opened.recording.ending).toBe('unreadable')
    // Nobody got the bytes, so they are not on record either.
    expect(events).toEqual([{ kind: 'marker', atUs: expect.any(Number), text }])
    expect(opened.recording.reason).toContain('channel 9')
    await eventually('the outcome', () => outcome() !== undefined)
    expect(outcome()).toMatchObject({ fault })
    expect(bytesOf(opened.got).includes('channel 9')).toBe(isTold)
  })

  test('shows no more than 1 MiB and a turn that are not known to be stored', async () => {
    fixture.controlPlane.recordings.isSilent = true
    const { server, got } = await openRecorded()
    const pieces = Array.from({ length: 192 }, () => fromServer(1, 'x'.repeat(32 * 1024)))
    server.write(Buffer.concat(pieces))
    await eventually('some is shown', () => bytesOf(got).length > 128 * 1024)
    await new Promise((resolve) => {
      setTimeout(resolve, 300)
    })
    expect(bytesOf(got).length).toBeLessThanOrEqual((1024 + 256) * 1024)
  })

  test('shows nothing once something is not stored for half a second', async () => {
    fixture.controlPlane.recordings.isSilent = true
    const { server, got } = await openRecorded()
    server.write(fromServer(1, 'first'))
    await eventually('it is shown', () => bytesOf(got).includes('first'))
    await new Promise((resolve) => {
      setTimeout(resolve, 600)
    })
    server.write(fromServer(1, 'second'))
    await new Promise((resolve) => {
      setTimeout(resolve, 200)
    })
    expect(bytesOf(got).includes('second')).toBe(false)
  })

  test('is on record as ended by the caller who goes', async () => {
    const { caller, server, recording } = await openRecorded()
    server.once('end', () => server.end()).resume()
    caller.destroy()
    await eventually('the end is on record', () => recording.ending !== undefined)
    expect(recording.ending).toBe('caller_gone')
  })
})

describe('the obligation to record', () => {
  test('leaves nothing to do where no tunnel is opened', async () => {
    const { httpStatus } = await fixture.call('/api/v1/namespaces/team/pods')
    expect(httpStatus).toBe(200)
    expect(fixture.controlPlane.recordings.all).toEqual([])
  })

  test('refuses an upgrade that cannot be read', async () => {
    const caller = await fixture.connect()
    caller.write(websocket('/api/v1/namespaces/team/services/web/proxy/'))
    const answer = await readAll(caller)
    expect(answer).toMatch(/^HTTP\/1.1 403 /)
    expect(answer).toContain('only exec, attach and portforward can be recorded')
  })
})
