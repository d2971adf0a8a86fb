import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { observeBytes, type Passed, told } from '../../test/support/observe-bytes.ts'
import {
  headerBlock,
  SpdyHeaders,
  spdyControl,
  spdyData,
  word,
} from '../../test/support/spdy-bytes.ts'
import type { TunnelKind } from './observe-tunnel.ts'

const EXEC: Partial<TunnelKind> = { protocol: 'spdy/3.1', subprotocol: 'v4.channel.k8s.io' }
const TYPES = ['error', 'stdin', 'stdout', 'stderr', 'resize'] as const

/** What a client says that opens all streams of an exec, 1 the error stream, 3 the input and so on. */
async function opening(client = new SpdyHeaders()): Promise<Buffer> {
  const frames: Buffer[] = []
  for (const [index, type] of TYPES.entries()) {
    frames.push(await client.open(1 + 2 * index, [['streamtype', type]]))
  }
  return Buffer.concat(frames)
}

const SETTINGS = spdyControl(4, Buffer.concat([word(1), word(7), word(65_536)]))
const opened = await opening()
const server = new SpdyHeaders()
const replies = Buffer.concat(await replyAll())

async function replyAll(): Promise<readonly Buffer[]> {
  const all: Buffer[] = []
  for (const index of TYPES.keys()) all.push(await server.reply(1 + 2 * index))
  return all
}

const SESSION: readonly Passed[] = [
  ['caller', SETTINGS],
  ['caller', opened],
  ['server', replies],
  ['caller', spdyControl(6, word(1))],
  ['caller', spdyData(9, '{"Width":80,"Height":24}')],
  ['caller', spdyData(3, 'ls\r')],
  ['server', spdyData(5, 'file')],
  ['server', spdyData(7, 'oops')],
  ['server', spdyData(5, '')],
  ['server', spdyControl(9, Buffer.concat([word(3), word(100)]))],
  ['caller', spdyData(3, '', 1)],
  ['server', spdyData(5, '!', 1)],
  ['server', spdyData(1, '{"status":"Success"}')],
  ['server', spdyData(1, '', 1)],
  ['caller', spdyControl(3, Buffer.concat([word(5), word(5)]))],
  ['server', spdyControl(7, Buffer.concat([word(9), word(0)]))],
]

const TOLD = [
  { kind: 'resize', columns: 80, rows: 24 },
  ['input', 'ls\r'],
  ['output', 'file'],
  ['error_output', 'oops'],
  ['output', '!'],
  { kind: 'exit', code: 0, status: '{"status":"Success"}' },
]

describe('SpdyCommand', () => {
  test.each([1, 2, 3, 5, 8, 13, Number.MAX_SAFE_INTEGER])(
    'tells the same of pieces of %i bytes',
    (size) => {
      expect(told(observeBytes(EXEC, SESSION, size).events)).toEqual(TOLD)
    },
  )

  test('takes the error stream of older protocols as text', () => {
    const older = { ...EXEC, subprotocol: 'v3.channel.k8s.io' }
    const passed: readonly Passed[] = [
      ['caller', opened],
      ['server', spdyData(1, 'failed', 1)],
    ]
    expect(told(observeBytes(older, passed).events)).toEqual([{ kind: 'exit', status: 'failed' }])
  })

  test.each<[string, () => Promise<readonly Passed[]>]>([
    ['a stream of an unknown type', () => caller([['streamtype', 'other']])],
    ['a stream without a type', () => caller([])],
    ['a stream with two types', () => caller([['streamtype', 'stdin\0stdout']])],
    [
      'a type that comes twice',
      () =>
        caller([
          ['streamtype', 'stdin'],
          ['streamtype', 'stdout'],
        ]),
    ],
    ['a name in capitals', () => caller([['StreamType', 'stdin']])],
    [
      'a second stream of a type',
      async () => [
        ['caller', opened],
        ['caller', await secondStream('stdout', 11)],
      ],
    ],
    [
      'a stream that is open',
      async () => [
        ['caller', opened],
        ['caller', await secondStream('stdout', 1)],
      ],
    ],
    ['data before a stream', async () => [['server', spdyData(5, 'x')]]],
    ['data of stream 0', async () => [['server', spdyData(0, 'x')]]],
    ['reserved bits of data', async () => [['server', spdyData(5, 'x', 2)]]],
    [
      'output of the client',
      async () => [
        ['caller', opened],
        ['caller', spdyData(5, 'x')],
      ],
    ],
    [
      'input of the server',
      async () => [
        ['caller', opened],
        ['server', spdyData(3, 'x')],
      ],
    ],
    ['a stream of the server', async () => [['server', await secondStream('stdout', 2)]]],
    ['an unknown frame', async () => [['caller', spdyControl(5, word(0))]]],
    [
      'another version',
      async () => [['caller', Buffer.from([0x80, 2, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1])]],
    ],
    ['reserved bits of a ping', async () => [['caller', spdyControl(6, word(1), 1)]]],
    ['a ping of eight bytes', async () => [['caller', spdyControl(6, Buffer.alloc(8))]]],
    [
      'a control frame of over 16 KiB',
      async () => [['caller', spdyControl(4, Buffer.alloc(16_385))]],
    ],
    ['settings that say another count', async () => [['caller', spdyControl(4, word(9))]]],
    [
      'a stream number with the reserved bit',
      async () => [['caller', spdyControl(3, Buffer.concat([word(0x8000_0001), word(1)]))]],
    ],
    ['headers that are cut', async () => [['caller', cut(opened)]]],
    [
      'headers without end',
      async () => [['caller', await bombed(headerBlock([['a', 'x'.repeat(1_000_000)]]))]],
    ],
    ['over 64 headers', () => caller(Array.from({ length: 65 }, (_, index) => [`h${index}`, '']))],
    [
      'bytes after the headers',
      async () => [
        ['caller', await bombed(Buffer.concat([headerBlock([['streamtype', 'stdin']]), word(0)]))],
      ],
    ],
    [
      'headers that are longer than they are',
      async () => [['caller', await bombed(word(0xffff_ffff))]],
    ],
  ])('refuses %s', async (_name, made) => {
    const passed = await made()
    const refused = expect.objectContaining({ name: 'Unreadable' })
    expect(() => observeBytes(EXEC, passed)).toThrow(refused)
    expect(() => observeBytes(EXEC, passed, 7)).toThrow(refused)
  })

  test('says farewell on the error stream, between frames, while it is free', () => {
    const why = { status: '{"status":"Failure"}', message: 'cut' }
    const begun = observeBytes(EXEC, [['caller', opened]]).observer
    const within = observeBytes(EXEC, [
      ['caller', opened],
      ['server', spdyData(5, 'abc').subarray(0, 9)],
    ]).observer
    const ended = observeBytes(EXEC, SESSION).observer
    const early = observeBytes(EXEC, []).observer
    expect(begun.farewell(why)).toEqual(spdyData(1, why.status, 1))
    expect([within, ended, early].map((one) => one.farewell(why).length)).toEqual([0, 0, 0])
  })

  test('takes any bytes, or refuses them', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((one) => Buffer.from(one)),
      fc
        .tuple(fc.nat(12), fc.uint8Array({ maxLength: 100 }), fc.nat(3))
        .map(([id, rest, flags]) => spdyData(id, Buffer.from(rest), flags)),
      fc
        .tuple(fc.nat(10), fc.uint8Array({ maxLength: 40 }), fc.nat(3))
        .map(([kind, rest, flags]) => spdyControl(kind, Buffer.from(rest), flags)),
      fc.constant(opened),
    )
    const way = fc.constantFrom<'caller' | 'server'>('caller', 'server')
    const passed = fc.array(fc.tuple(way, bytes), { maxLength: 8 })
    fc.assert(
      fc.property(passed, fc.integer({ min: 1, max: 64 }), (all, size) => {
        expect(outcomeOf(all, size)).toEqual(outcomeOf(all, Number.MAX_SAFE_INTEGER))
      }),
      { seed: 10, numRuns: 1_000 },
    )
  })
})

async function caller(headers: readonly (readonly [string, string])[]): Promise<readonly Passed[]> {
  return [['caller', await new SpdyHeaders().open(1, headers)]]
}

/** A further stream of the client that has opened all. */
async function secondStream(type: string, id: number): Promise<Buffer> {
  const client = new SpdyHeaders()
  await opening(client)
  return client.open(id, [['streamtype', type]])
}

async function bombed(block: Buffer): Promise<Buffer> {
  const before = Buffer.concat([word(1), word(0), Buffer.from([0, 0])])
  return spdyControl(1, Buffer.concat([before, await new SpdyHeaders().compress(block)]))
}

/** The first frame without its last four bytes. */
function cut(frames: Buffer): Buffer {
  const length = frames.readUIntBE(5, 3)
  return spdyControl(1, frames.subarray(8, 4 + length))
}

function outcomeOf(passed: readonly Passed[], size: number): unknown {
  try {
    return told(observeBytes(EXEC, passed, size).events)
  } catch (error) {
    return (error as Error).name
  }
}
