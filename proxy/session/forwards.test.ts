import { describe, expect, test } from 'vitest'
import { observeBytes, type Passed, told } from '../../test/support/observe-bytes.ts'
import { SpdyHeaders, spdyControl, spdyData, word } from '../../test/support/spdy-bytes.ts'
import { frame, fromClient, fromServer } from '../../test/support/websocket-bytes.ts'
import type { TunnelKind } from './observe-tunnel.ts'

const SPDY: Partial<TunnelKind> = {
  ...{ upgrade: 'portforward', protocol: 'spdy/3.1', subprotocol: 'portforward.k8s.io' },
}
const TUNNEL = { ...SPDY, protocol: 'websocket', subprotocol: 'SPDY/3.1+portforward.k8s.io' }
const CHANNELS = {
  ...SPDY,
  protocol: 'websocket',
  subprotocol: 'v4.channel.k8s.io',
  ports: [80, 443],
}
const MASK = Buffer.from([9, 8, 7, 6])

const client = new SpdyHeaders()
const streams: Buffer[] = []
for (const [id, type, request] of [
  [1, 'error', '0'],
  [3, 'data', '0'],
  [5, 'error', '1'],
  [7, 'data', '1'],
] as const) {
  streams.push(
    await client.open(id, [
      ['streamtype', type],
      ['port', '8080'],
      ['requestid', request],
    ]),
  )
}

const CONNECTIONS: readonly Passed[] = [
  ...streams.map((bytes) => ['caller', bytes] as const),
  ['caller', spdyData(3, 'GET /')],
  ['caller', spdyData(7, 'HEAD /')],
  ['server', spdyData(3, 'hello', 1)],
  ['caller', spdyData(3, '', 1)],
  // The server has not heard of the end yet.
  ['server', spdyData(3, 'late')],
  ['caller', spdyControl(3, Buffer.concat([word(7), word(5)]))],
]

const NONE = { bytesToPod: 0, bytesFromPod: 0, error: '' }
const TOLD = [
  { kind: 'connection_opened', connection: 1, port: 8080, ...NONE },
  { kind: 'connection_opened', connection: 2, port: 8080, ...NONE },
  {
    kind: 'connection_closed',
    connection: 1,
    port: 8080,
    bytesToPod: 5,
    bytesFromPod: 5,
    error: '',
  },
  {
    kind: 'connection_closed',
    connection: 2,
    port: 8080,
    bytesToPod: 6,
    bytesFromPod: 0,
    error: '',
  },
]

describe('SpdyForward', () => {
  test.each([1, 3, 11, Number.MAX_SAFE_INTEGER])('counts pieces of %i bytes', (size) => {
    expect(told(observeBytes(SPDY, CONNECTIONS, size).events)).toEqual(TOLD)
  })

  test('tells of what is open when the session ends', () => {
    const { events, observer } = observeBytes(SPDY, CONNECTIONS.slice(0, 6))
    observer.finish()
    observer.finish()
    expect(events.filter(({ kind }) => kind === 'connection_closed')).toHaveLength(2)
  })

  test.each<[string, readonly (readonly [string, string])[], number]>([
    ['no port', [['streamtype', 'data']], 1],
    [
      'a port that is none',
      [
        ['streamtype', 'data'],
        ['port', '65536'],
      ],
      1,
    ],
    [
      'an unknown type',
      [
        ['streamtype', 'stdin'],
        ['port', '80'],
      ],
      1,
    ],
  ])('refuses a stream with %s', async (_name, headers, id) => {
    const bytes = await new SpdyHeaders().open(id, headers)
    expect(() => observeBytes(SPDY, [['caller', bytes]])).toThrow(/stream/)
  })

  test('refuses numbers out of order, and frames of what was not opened', async () => {
    const both = new SpdyHeaders()
    const data = [
      ['streamtype', 'data'],
      ['port', '80'],
    ] as const
    const passed = [
      ['caller', await both.open(3, data)],
      ['caller', await both.open(1, data)],
    ] as const
    expect(() => observeBytes(SPDY, passed)).toThrow(/out of order/)
    expect(() => observeBytes(SPDY, [['server', spdyData(9, 'x')]])).toThrow(/not opened/)
  })

  test('tells why a connection failed, as far as a KiB of it', () => {
    const passed: readonly Passed[] = [
      ...streams.map((bytes) => ['caller', bytes] as const),
      ['server', spdyData(5, 'connection ')],
      ['server', spdyData(5, `refused${'!'.repeat(2_000)}`, 1)],
      ['server', spdyData(7, '', 1)],
      ['caller', spdyData(7, '', 1)],
    ]
    const error = `connection refused${'!'.repeat(1_006)}`
    expect(told(observeBytes(SPDY, passed).events).at(-1)).toEqual({
      ...{ kind: 'connection_closed', connection: 2, port: 8080, ...NONE, error },
    })
  })

  test('says farewell on the error streams that are open', () => {
    const { observer } = observeBytes(SPDY, [...CONNECTIONS, ['server', spdyData(1, 'refused', 1)]])
    expect(observer.farewell({ status: '{}', message: 'cut' })).toEqual(spdyData(5, 'cut', 1))
  })
})

test.each([1, 5, Number.MAX_SAFE_INTEGER])(
  'WebSocketTunnel reads SPDY in messages whose borders mean nothing, in pieces of %i bytes',
  (size) => {
    const passed = CONNECTIONS.map(([way, bytes]): Passed => {
      const mask = way === 'caller' ? { mask: MASK } : {}
      const parts = [bytes.subarray(0, 6), bytes.subarray(6)] as const
      return [
        way,
        Buffer.concat([
          frame(parts[0], { ...mask, final: false }),
          frame('', { opcode: 9, ...mask }),
          frame(parts[1], { ...mask, opcode: 0 }),
        ]),
      ]
    })
    const { events, observer } = observeBytes(TUNNEL, passed, size)
    expect(told(events)).toEqual(TOLD)
    const close = frame(Buffer.from([3, 0xe8]), { opcode: 8 })
    const said = frame(Buffer.concat([spdyData(1, 'cut', 1), spdyData(5, 'cut', 1)]))
    expect(observer.farewell({ status: '{}', message: 'cut' })).toEqual(
      Buffer.concat([said, close]),
    )
  },
)

test.each([1, Number.MAX_SAFE_INTEGER])(
  'WebSocketForward counts what follows the ports, in pieces of %i bytes',
  (size) => {
    const port = Buffer.from([80, 0])
    const passed: readonly Passed[] = [
      ['server', fromServer(0, port)],
      ['server', fromServer(1, port)],
      ['caller', fromClient(0, 'GET /')],
      ['server', fromServer(0, 'hello!')],
      ['server', fromServer(3, Buffer.from([187, 1]))],
      ['server', fromServer(3, 'refused')],
    ]
    const { events, observer } = observeBytes(CHANNELS, passed, size)
    observer.finish()
    expect(told(events)).toEqual([
      { kind: 'connection_opened', connection: 1, port: 80, ...NONE },
      { kind: 'connection_opened', connection: 2, port: 443, ...NONE },
      {
        kind: 'connection_closed',
        connection: 1,
        port: 80,
        bytesToPod: 5,
        bytesFromPod: 6,
        error: '',
      },
      { kind: 'connection_closed', connection: 2, port: 443, ...NONE, error: 'refused' },
    ])
    expect(() => observeBytes(CHANNELS, [['caller', fromClient(4, 'x')]])).toThrow(/channel 4/)
  },
)

test.each([
  ['an exec', { upgrade: 'exec', subprotocol: 'v9.channel.k8s.io' } as const],
  ['an exec over SPDY', { protocol: 'spdy/3.1', subprotocol: 'v9.channel.k8s.io' }],
  ['another protocol', { protocol: 'other/1' }],
  ['a port-forward', { ...TUNNEL, subprotocol: 'SPDY/4+portforward.k8s.io' }],
])('observeTunnel refuses a subprotocol that it does not know: %s', (_name, kind) => {
  expect(() => observeBytes(kind, [])).toThrow(/the subprotocol/)
})
