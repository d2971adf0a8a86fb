import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { RecordLevel } from '../../../proto/gen/lanyard/v1/recording_pb.ts'
import { ChannelReader } from '../../../proxy/session/channel-reader.ts'
import { SpdyReader } from '../../../proxy/session/spdy-reader.ts'
import { allowRecorded, type FakeRecording } from '../../support/fake-recordings.ts'
import { told } from '../../support/observe-bytes.ts'
import { eventually, readAll, type SidecarFixture } from '../../support/sidecar-fixture.ts'
import { SpdyHeaders, spdyData } from '../../support/spdy-bytes.ts'
import { openTunnelTo, startTunnelFixture, tunnelHead } from '../../support/tunnel-openings.ts'
import { frame, fromClient, fromServer } from '../../support/websocket-bytes.ts'

/* Lines that are typed into a recorded shell are judged by the control plane before they are sent. */

let fixture: SidecarFixture
const RM = [{ words: ['rm', '**'] }]

beforeEach(async () => {
  fixture = await startTunnelFixture()
  fixture.controlPlane.decide((_question, id) => allowRecorded(id, 'output', RM))
  fixture.controlPlane.recordings.judge = (line) =>
    line.startsWith('rm') ? 'rm is denied (rule p/run)' : undefined
})
afterEach(() => fixture.close())

const EXEC = '/api/v1/namespaces/team/pods/web/exec?command=sh&stdin=true&stdout=true'
const TERMINAL = `${EXEC}&tty=true`
const STREAM = `${EXEC}&stderr=true`

interface Opened {
  readonly caller: TLSSocket
  readonly server: Duplex
  readonly recording: FakeRecording
  /** What the API server got after the head. */
  heard(): Buffer
  /** What the caller got after the head. */
  got(): Buffer
}

async function open(
  target: string,
  protocol: 'websocket' | 'SPDY/3.1',
  name: string,
): Promise<Opened> {
  const isWebSocket = protocol === 'websocket'
  const header = isWebSocket ? 'Sec-WebSocket-Protocol' : 'X-Stream-Protocol-Version'
  const request = tunnelHead(fixture, `${isWebSocket ? 'GET' : 'POST'} ${target}`, [
    ...['Connection: Upgrade', `Upgrade: ${protocol}`, `${header}: ${name}`],
    ...(isWebSocket
      ? ['Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13']
      : []),
  ])
  const switching = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n${header}: ${name}\r\n\r\n`
  const [caller, server] = await openTunnelTo(fixture, request, switching)
  const heard: Buffer[] = []
  const got: Buffer[] = []
  server.on('data', (chunk: Buffer) => heard.push(chunk))
  caller.on('data', (chunk: Buffer) => got.push(chunk))
  const all = () => Buffer.concat(got)
  await eventually('the 101', () => all().includes('\r\n\r\n'))
  const headBytes = all().indexOf('\r\n\r\n') + 4
  const [recording] = fixture.controlPlane.recordings.all
  if (recording === undefined) throw new Error('nothing is recorded')
  return {
    ...{ caller, server, recording },
    heard: () => Buffer.concat(heard),
    got: () => all().subarray(headBytes),
  }
}

/** Bytes of each channel of one side of a WebSocket, and which were closed. */
function channelsOf(bytes: Buffer, masked: boolean, base64 = false): Record<string, string> {
  const found: Record<string, string> = {}
  const reader = new ChannelReader(
    { masked, fragments: true },
    { base64, closes: true },
    {
      onChannel: (channel, piece) => {
        found[channel] = (found[channel] ?? '') + piece.toString('latin1')
      },
      onChannelMessage: () => undefined,
      onChannelClosed: (channel) => {
        found['closed'] = `${found['closed'] ?? ''}${channel}`
      },
      onControl: (opcode, payload) => {
        found['control'] = `${opcode} ${payload.toString('latin1')}`
      },
    },
  )
  reader.push(bytes)
  return found
}

const TOLD = 'lanyard: this line was not sent: rm is denied (rule p/run)'

describe('a typed line', () => {
  test('in a terminal is shown, and stopped before its end', async () => {
    const { caller, server, heard, got, recording } = await open(
      TERMINAL,
      'websocket',
      'v5.channel.k8s.io',
    )
    const ping = frame('x', { opcode: 9, mask: Buffer.from([1, 2, 3, 4]) })
    caller.write(Buffer.concat([ping, fromClient(4, '{"Width":9,"Height":8}')]))
    for (const key of 'rm x') caller.write(fromClient(0, key))
    await eventually('the keys', () => channelsOf(heard(), true)['0'] === 'rm x')
    server.write(fromServer(1, 'rm x'))
    caller.write(fromClient(0, '\r'))
    await eventually('the caller is told', () => got().includes('rule p/run'))
    caller.write(fromClient(0, 'ls\r'))
    caller.write(fromClient(255, '\0'))
    await eventually('the end of the input', () => channelsOf(heard(), true)['closed'] === '0')
    expect(channelsOf(heard(), true)).toEqual({
      ...{ 0: 'rm x\x0b\x15ls\r', 4: '{"Width":9,"Height":8}', control: '9 x', closed: '0' },
    })
    expect(channelsOf(got(), false)).toEqual({ 1: `rm x\r\n${TOLD}\r\n` })
    const events = () => told(recording.events.map(({ atUs: _, ...event }) => event))
    // What the caller got goes on record a moment later.
    await expect
      .poll(events, { timeout: 10_000 })
      .toEqual([
        { kind: 'resize', columns: 9, rows: 8 },
        ['output', 'rm x'],
        { kind: 'marker', text: 'a typed line was not sent: rm is denied (rule p/run)' },
        ['output', `\r\n${TOLD}\r\n`],
      ])
  })

  test.each([
    ['v5.channel.k8s.io', false],
    ['v4.base64.channel.k8s.io', true],
  ])('without a terminal is held back and not sent, over %s', async (name, base64) => {
    const { caller, heard, got } = await open(STREAM, 'websocket', name)
    const input = (text: string) =>
      caller.write(
        base64
          ? frame(`0${Buffer.from(text).toString('base64')}`, {
              ...{ opcode: 1, mask: Buffer.from([1, 2, 3, 4]) },
            })
          : fromClient(0, text),
      )
    input('echo a\nrm')
    await eventually('a line', () => channelsOf(heard(), true, base64)['0'] === 'echo a\n')
    input(' x\necho b\n')
    await eventually(
      'the rest',
      () => channelsOf(heard(), true, base64)['0'] === 'echo a\necho b\n',
    )
    await eventually('the caller is told', () => got().length > 0)
    expect(channelsOf(got(), false, base64)).toEqual({ 2: `${TOLD}\n` })
  })

  test('over SPDY is held back and not sent, and the last is judged at the end of the input', async () => {
    const { caller, heard, got, recording } = await open(STREAM, 'SPDY/3.1', 'v4.channel.k8s.io')
    const headers = new SpdyHeaders()
    const types = ['error', 'stdin', 'stdout', 'stderr']
    for (const [index, type] of types.entries()) {
      caller.write(await headers.open(1 + 2 * index, [['streamtype', type]]))
    }
    caller.write(Buffer.concat([spdyData(3, 'rm x\nls\n'), spdyData(3, 'rm -rf /', 1)]))
    const streams = (bytes: Buffer) => {
      const found: Record<string, string> = {}
      const reader = new SpdyReader({
        onStream: (id, all) => {
          found[id] = `${all.get('streamtype')}: `
        },
        onStreamData: (id, piece) => {
          found[id] = (found[id] ?? '') + piece.toString('latin1')
        },
        onStreamEnd: (id) => {
          found[id] += '(end)'
        },
        onReset: () => undefined,
      })
      reader.push(bytes)
      return found
    }
    await eventually(
      'the end of the input',
      () => streams(heard())['3']?.endsWith('(end)') === true,
    )
    expect(streams(heard())).toEqual({
      ...{ 1: 'error: ', 3: 'stdin: ls\n(end)', 5: 'stdout: ', 7: 'stderr: ' },
    })
    await eventually('the caller is told twice', () => got().toString().split(TOLD).length === 3)
    const said = () => told(recording.events.map(({ atUs: _, ...event }) => event))
    const output = () => said().filter(Array.isArray)
    await expect.poll(output, { timeout: 10_000 }).toEqual([
      ['error_output', `${TOLD}\n`],
      ['error_output', `${TOLD}\n`],
    ])
  })

  test('is not sent where the control plane says nothing of it', async () => {
    fixture.controlPlane.recordings.judge = undefined
    const { caller, heard, got } = await open(STREAM, 'websocket', 'v5.channel.k8s.io')
    caller.write(fromClient(0, 'ls\n'))
    await eventually('the caller is told', () => got().includes('did not judge it in time'), 15_000)
    expect(channelsOf(heard(), true)).toEqual({})
  })

  test('is not sent any more once the recording has broken off', async () => {
    fixture.controlPlane.recordings.judge = undefined
    const { caller, heard, recording } = await open(TERMINAL, 'websocket', 'v5.channel.k8s.io')
    caller.write(fromClient(0, 'ls\r'))
    await eventually('the keys', () => channelsOf(heard(), true)['0'] === 'ls')
    recording.fail()
    await readAll(caller)
    expect(channelsOf(heard(), true)['0']).toBe('ls')
  })

  test('waits until the API server is between frames before the caller is told', async () => {
    const { caller, server, got } = await open(STREAM, 'websocket', 'v5.channel.k8s.io')
    const said = fromServer(1, 'abcdef')
    server.write(said.subarray(0, 5))
    await eventually('the begin', () => got().length === 5)
    caller.write(fromClient(0, 'rm x\n'))
    caller.write(fromClient(0, 'ls\n'))
    server.write(said.subarray(5))
    await eventually('the caller is told', () => got().includes(TOLD))
    expect(channelsOf(got(), false)).toEqual({ 1: 'abcdef', 2: `${TOLD}\n` })
  })
})

test('lines are not judged where nothing is recorded: such an allow cannot be carried out', async () => {
  fixture.controlPlane.decide((_question, decisionId) => {
    const { value } = allowRecorded(decisionId, 'output', RM)
    const obligations = {
      ...value.obligations,
      record: false,
      recordLevel: RecordLevel.UNSPECIFIED,
    }
    return { case: 'decision' as const, value: { ...value, obligations } }
  })
  const caller = await fixture.connect()
  caller.write(tunnelHead(fixture, `POST ${EXEC}`, ['Connection: Upgrade', 'Upgrade: SPDY/3.1']))
  expect(await readAll(caller)).toMatch(/^HTTP\/1.1 403 [\s\S]*cannot carry out/)
})
