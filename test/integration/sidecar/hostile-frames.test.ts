import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { allowRecorded } from '../../support/fake-recordings.ts'
import { eventually, type SidecarFixture } from '../../support/sidecar-fixture.ts'
import { headerBlock, SpdyHeaders, spdyControl, spdyData, word } from '../../support/spdy-bytes.ts'
import { openTunnelTo, startTunnelFixture, tunnelHead } from '../../support/tunnel-openings.ts'
import { frame, fromClient, fromServer } from '../../support/websocket-bytes.ts'

/*
 * What has two meanings, or none, ends a recorded session of a running sidecar: the reason is on record, the bytes reach
 * nobody, and the sidecar serves on. One sidecar has all of these sessions, one after the other.
 */

let fixture: SidecarFixture
beforeAll(async () => {
  fixture = await startTunnelFixture()
  fixture.controlPlane.decide((_question, id) => allowRecorded(id, 'all'))
})
afterAll(() => fixture.close())

const POD = '/api/v1/namespaces/team/pods/web'
const MASK = Buffer.from([1, 2, 3, 4])

interface Kind {
  readonly target: string
  /** Names of the protocol and of the subprotocol. */
  readonly speaks: readonly ['websocket' | 'SPDY/3.1', string]
}

const EXEC = `${POD}/exec?command=cat&stdin=true&stdout=true&stderr=true`
const KINDS = {
  'exec over WebSocket': { target: EXEC, speaks: ['websocket', 'v5.channel.k8s.io'] },
  'exec in base64': { target: EXEC, speaks: ['websocket', 'v4.base64.channel.k8s.io'] },
  'exec over SPDY': { target: EXEC, speaks: ['SPDY/3.1', 'v4.channel.k8s.io'] },
  'forward by channels': {
    target: `${POD}/portforward?ports=80`,
    speaks: ['websocket', 'v4.channel.k8s.io'],
  },
  'forward over SPDY': { target: `${POD}/portforward`, speaks: ['SPDY/3.1', 'portforward.k8s.io'] },
  'forward in a WebSocket': {
    target: `${POD}/portforward`,
    speaks: ['websocket', 'SPDY/3.1+portforward.k8s.io'],
  },
} as const satisfies Record<string, Kind>

/** Opens a tunnel of the kind: both ends, and what each got after the heads. */
async function open({ target, speaks: [protocol, name] }: Kind) {
  const isWebSocket = protocol === 'websocket'
  const header = isWebSocket ? 'Sec-WebSocket-Protocol' : 'X-Stream-Protocol-Version'
  const upgrade = ['Connection: Upgrade', `Upgrade: ${protocol}`, `${header}: ${name}`]
  const key = ['Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13']
  const request = tunnelHead(fixture, `${isWebSocket ? 'GET' : 'POST'} ${target}`, [
    ...upgrade,
    ...(isWebSocket ? key : []),
  ])
  const switching = ['HTTP/1.1 101 Switching Protocols', ...upgrade, '\r\n'].join('\r\n')
  const [caller, server] = await openTunnelTo(fixture, request, switching)
  const got: Buffer[] = []
  const heard: Buffer[] = []
  caller.on('data', (chunk: Buffer) => got.push(chunk))
  server.on('data', (chunk: Buffer) => heard.push(chunk))
  caller.on('end', () => caller.end())
  const all = () => Buffer.concat(got)
  await eventually('the 101', () => all().includes('\r\n\r\n'), 20_000)
  const headBytes = all().indexOf('\r\n\r\n') + 4
  const recording = fixture.controlPlane.recordings.all.at(-1)
  if (recording === undefined) throw new Error('nothing is recorded')
  const ended = new Promise((resolve) => server.once('end', resolve))
  return {
    ...{ caller, server, recording, ended },
    got: () => all().subarray(headBytes),
    heard: () => Buffer.concat(heard),
  }
}

type Side = 'caller' | 'server'

interface Attack {
  readonly kind: keyof typeof KINDS
  readonly by: Side
  /** What the caller says before, which passes. */
  readonly before?: Buffer
  readonly bytes: Buffer
  readonly reason: RegExp
}

/** Streams of an exec over SPDY: 1 error, 3 input, 5 output. */
async function opened(headers: SpdyHeaders): Promise<Buffer> {
  const types = ['error', 'stdin', 'stdout']
  const frames: Buffer[] = []
  for (const [index, type] of types.entries()) {
    frames.push(await headers.open(1 + 2 * index, [['streamtype', type]]))
  }
  return Buffer.concat(frames)
}

const OPENED = await opened(new SpdyHeaders())

/** A frame that opens a stream, with a block of headers of any form. */
async function synStream(block: Buffer, id = 1): Promise<Buffer> {
  const compressed = await new SpdyHeaders().compress(block)
  return spdyControl(1, Buffer.concat([word(id), word(0), Buffer.from([0, 0]), compressed]))
}

/** 12 MiB of headers in less than 16 KiB. */
const BOMB = await synStream(headerBlock([['a', 'x'.repeat(12 * 1024 * 1024)]]))

/** Another stream for the client whose first streams are open. */
async function another(type: string, id: number): Promise<Buffer> {
  const headers = new SpdyHeaders()
  await opened(headers)
  return headers.open(id, [['streamtype', type]])
}

/** A head of a frame of a client, which says more than follows. */
const claims = (...head: readonly number[]) => Buffer.from(head)
const inTunnel = (bytes: Buffer) => frame(bytes, { mask: MASK })
const FORWARD = [
  ['streamtype', 'data'],
  ['port', '80'],
  ['requestid', '1'],
] as const

const ATTACKS: readonly (readonly [string, Attack])[] = [
  [
    'a length over 2^53',
    {
      ...{ kind: 'exec over WebSocket', by: 'caller', reason: /impossible length/ },
      bytes: claims(0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4),
    },
  ],
  [
    'a length over 2^53',
    {
      ...{ kind: 'exec over WebSocket', by: 'server', reason: /impossible length/ },
      bytes: claims(0x82, 0x7f, 0xff, 0, 0, 0, 0, 0, 0, 1),
    },
  ],
  [
    'a ping of 126 bytes',
    {
      ...{ kind: 'exec over WebSocket', by: 'server', reason: /over 125 bytes/ },
      bytes: frame('x'.repeat(126), { opcode: 9 }),
    },
  ],
  [
    'a reserved bit',
    {
      ...{ kind: 'exec over WebSocket', by: 'caller', reason: /reserved bit/ },
      bytes: Buffer.concat([Buffer.from([0xc2]), fromClient(0, 'ls\n').subarray(1)]),
    },
  ],
  [
    'a frame without a mask',
    {
      ...{ kind: 'exec over WebSocket', by: 'caller', reason: /not masked/ },
      bytes: frame('\0ls\n'),
    },
  ],
  [
    'a frame with a mask',
    {
      ...{ kind: 'exec over WebSocket', by: 'server', reason: /is masked/ },
      bytes: frame('\x01x', { mask: MASK }),
    },
  ],
  [
    'a message in several frames, which Kubernetes reads as several messages',
    {
      ...{ kind: 'exec over WebSocket', by: 'caller', reason: /send each message in one frame/ },
      bytes: Buffer.concat([
        frame('\0ls', { final: false, mask: MASK }),
        frame('\n', { opcode: 0, mask: MASK }),
      ]),
    },
  ],
  [
    'a message inside another message',
    {
      ...{ kind: 'exec over WebSocket', by: 'server', reason: /inside another message/ },
      bytes: Buffer.concat([frame('\x01a', { final: false }), fromServer(2, 'b')]),
    },
  ],
  [
    'an unknown channel',
    {
      ...{ kind: 'exec over WebSocket', by: 'caller', reason: /channel 7/ },
      bytes: fromClient(7, 'ls\n'),
    },
  ],
  [
    'input, which is not its to send',
    {
      ...{ kind: 'exec over WebSocket', by: 'server', reason: /channel 0/ },
      bytes: fromServer(0, 'x'),
    },
  ],
  [
    'a close of two channels',
    {
      ...{ kind: 'exec over WebSocket', by: 'caller', reason: /does not name one channel/ },
      bytes: fromClient(255, '\0\x01'),
    },
  ],
  [
    'no base64',
    {
      ...{ kind: 'exec in base64', by: 'caller', reason: /no base64/ },
      bytes: frame('0bHMK*===', { opcode: 1, mask: MASK }),
    },
  ],
  [
    'bytes after the padding',
    {
      ...{ kind: 'exec in base64', by: 'server', reason: /no base64/ },
      bytes: frame('1QQ==QQ==', { opcode: 1 }),
    },
  ],
  [
    'compressed headers of 12 MiB',
    { kind: 'exec over SPDY', by: 'caller', reason: /over 16 KiB of headers/, bytes: BOMB },
  ],
  [
    'a control frame that says 16 MiB',
    {
      ...{ kind: 'exec over SPDY', by: 'caller', reason: /control frame of over 16 KiB/ },
      bytes: claims(0x80, 3, 0, 1, 0, 0xff, 0xff, 0xff),
    },
  ],
  [
    'headers that say 4 GiB of a name',
    {
      ...{ kind: 'exec over SPDY', by: 'caller', reason: /no clear end/ },
      bytes: await synStream(Buffer.concat([word(1), word(0xffff_fff0)])),
    },
  ],
  [
    'headers that are no compressed headers',
    {
      ...{ kind: 'exec over SPDY', by: 'caller', reason: /SPDY/ },
      bytes: spdyControl(1, Buffer.concat([word(1), word(0), Buffer.alloc(40, 0xa5)])),
    },
  ],
  [
    'a reserved bit of data',
    {
      ...{ kind: 'exec over SPDY', by: 'caller', before: OPENED, reason: /reserved bit/ },
      bytes: spdyData(3, 'ls\n', 2),
    },
  ],
  [
    'a ping that says eight bytes',
    {
      ...{ kind: 'exec over SPDY', by: 'server', before: OPENED, reason: /impossible length/ },
      bytes: spdyControl(6, Buffer.alloc(8)),
    },
  ],
  [
    'a stream of two types',
    {
      ...{ kind: 'exec over SPDY', by: 'caller', reason: /streamtype twice/ },
      bytes: await synStream(headerBlock([['streamtype', 'stdin\0stdout']])),
    },
  ],
  [
    'a second stream of the input between the frames of the first',
    {
      ...{ kind: 'exec over SPDY', by: 'caller', before: OPENED, reason: /second SPDY stream/ },
      bytes: Buffer.concat([spdyData(3, 'l'), await another('stdin', 7), spdyData(7, 's\n')]),
    },
  ],
  [
    'output on the stream of the input',
    {
      ...{ kind: 'exec over SPDY', by: 'server', before: OPENED, reason: /carries none this way/ },
      bytes: spdyData(3, 'x'),
    },
  ],
  [
    'data of a stream that was not opened',
    {
      ...{ kind: 'exec over SPDY', by: 'server', before: OPENED, reason: /not opened/ },
      bytes: spdyData(11, 'x'),
    },
  ],
  [
    'a frame of another version',
    {
      ...{ kind: 'exec over SPDY', by: 'caller', reason: /of the version 2/ },
      bytes: claims(0x80, 2, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1),
    },
  ],
  [
    'a channel that was not asked for',
    {
      ...{ kind: 'forward by channels', by: 'caller', reason: /did not ask for/ },
      bytes: fromClient(2, 'x'),
    },
  ],
  [
    'a stream of a command',
    {
      ...{ kind: 'forward over SPDY', by: 'caller', reason: /of an unknown type/ },
      bytes: await synStream(headerBlock([['streamtype', 'stdin']])),
    },
  ],
  [
    'a port that is none',
    {
      ...{ kind: 'forward over SPDY', by: 'caller', reason: /without a port/ },
      bytes: await synStream(headerBlock([FORWARD[0], ['port', '80x'], FORWARD[2]])),
    },
  ],
  [
    'a second port',
    {
      ...{ kind: 'forward over SPDY', by: 'caller', reason: /port twice/ },
      bytes: await synStream(headerBlock([...FORWARD, ['port', '22']])),
    },
  ],
  [
    'compressed headers of 12 MiB',
    {
      ...{ kind: 'forward in a WebSocket', by: 'caller', reason: /over 16 KiB of headers/ },
      bytes: inTunnel(BOMB),
    },
  ],
  [
    'a stream of its own',
    {
      ...{ kind: 'forward in a WebSocket', by: 'server', reason: /that the API server opens/ },
      bytes: frame(await new SpdyHeaders().open(2, FORWARD)),
    },
  ],
]

const FAULTS = { caller: 'request_invalid', server: 'upstream_failed' } as const

describe('a recorded session ends as unreadable', () => {
  test.each(ATTACKS.map(([what, attack]) => ({ what, ...attack })))(
    '$kind, where the $by sends $what',
    async ({ kind, by, before = Buffer.alloc(0), bytes, reason }) => {
      const { caller, server, recording, ended, got, heard } = await open(KINDS[kind])
      const sides: Readonly<Record<Side, TLSSocket | Duplex>> = { caller, server }
      caller.write(before)
      await eventually('what passes has passed', () => heard().equals(before), 20_000)
      sides[by].write(bytes)
      await eventually('the end is on record', () => recording.ending !== undefined, 20_000)
      await ended
      expect(recording).toMatchObject({
        ending: 'unreadable',
        reason: expect.stringMatching(reason),
      })
      const text = `session ended, unreadable: ${recording.reason}`
      const markers = recording.events.filter((event) => event.kind === 'marker')
      expect(markers).toMatchObject([{ text }])
      expect(heard().equals(before)).toBe(true)
      expect(got().includes(bytes)).toBe(false)
      const isOutcome = (one: { decisionId: string }) => one.decisionId === recording.decisionId
      const outcome = () => fixture.controlPlane.outcomes.find(isOutcome)
      await eventually('the outcome', () => outcome() !== undefined, 20_000)
      expect(outcome()).toMatchObject({ httpStatus: 101, fault: FAULTS[by] })
    },
  )

  test('the sidecar serves on', async () => {
    const { httpStatus } = await fixture.call('/api/v1/namespaces/team/pods')
    expect(httpStatus).toBe(200)
    const { caller, server, recording, got } = await open(KINDS['exec over WebSocket'])
    server.write(fromServer(1, 'file'))
    await eventually('the output', () => got().equals(fromServer(1, 'file')), 20_000)
    caller.destroy()
    server.destroy()
    await eventually('the end is on record', () => recording.ending !== undefined, 20_000)
    expect(recording.ending).not.toBe('unreadable')
  })
})
