import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { observeBytes, type Passed, told } from '../../test/support/observe-bytes.ts'
import { frame, fromClient, fromServer } from '../../test/support/websocket-bytes.ts'

const EXIT_3 =
  '{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"3"}]}}'
const MASK = Buffer.from([1, 2, 3, 4])

const TERMINAL: readonly Passed[] = [
  ['server', fromServer(1, '')],
  ['caller', fromClient(4, '{"Width":80,"Height":24}\n')],
  ['caller', frame('ping', { opcode: 9, mask: MASK })],
  ['server', frame('ping', { opcode: 10 })],
  ['caller', fromClient(0, 'ls\r')],
  ['server', frame('\x01fi', { final: false })],
  ['server', frame('', { opcode: 9 })],
  ['server', frame('le\r\n', { opcode: 0 })],
  ['server', fromServer(2, 'oops')],
  ['server', fromServer(1, 'x'.repeat(70_000))],
  ['caller', fromClient(255, '\x00')],
  ['server', fromServer(3, EXIT_3)],
  ['server', frame(Buffer.from([3, 0xe8]), { opcode: 8 })],
]

const TOLD = [
  { kind: 'resize', columns: 80, rows: 24 },
  ['input', 'ls\r'],
  ['output', 'file\r\n'],
  ['error_output', 'oops'],
  ['output', 'x'.repeat(70_000)],
  { kind: 'exit', code: 3, status: EXIT_3 },
]

describe('WebSocketCommand', () => {
  test.each([1, 2, 3, 7, 4_096, Number.MAX_SAFE_INTEGER])(
    'tells the same of pieces of %i bytes',
    (size) => {
      expect(told(observeBytes({}, TERMINAL, size).events)).toEqual(TOLD)
    },
  )

  test('keeps what is typed to itself unless it is asked for', () => {
    const { events } = observeBytes({}, TERMINAL, 100, 'output')
    expect(told(events)).toEqual(
      TOLD.filter((event) => !Array.isArray(event) || event[0] !== 'input'),
    )
  })

  test.each<[string, Partial<{ subprotocol: string }>, readonly Passed[], readonly unknown[]]>([
    [
      'base64 in text',
      { subprotocol: 'base64.channel.k8s.io' },
      [
        ['server', frame(`1${Buffer.from('héllo').toString('base64')}`, { opcode: 1 })],
        ['server', frame('1', { opcode: 1 })],
        ['server', frame(`3${Buffer.from('failed').toString('base64')}`, { opcode: 1 })],
      ],
      [['output', Buffer.from('héllo').toString('latin1')], { kind: 'exit', status: 'failed' }],
    ],
    [
      'base64 with a Status',
      { subprotocol: 'v4.base64.channel.k8s.io' },
      [['server', frame(`3${Buffer.from('{"status":"Success"}').toString('base64')}`)]],
      [{ kind: 'exit', code: 0, status: '{"status":"Success"}' }],
    ],
    [
      'the oldest protocol, without a name',
      { subprotocol: '' },
      [['server', fromServer(1, 'a')]],
      [['output', 'a']],
    ],
    ['no bytes at all', {}, [['server', Buffer.alloc(0)]], []],
    [
      'a size that is none, and no size after it',
      {},
      [
        ['caller', fromClient(4, '{"Width":-1}')],
        ['caller', fromClient(4, '{"Width":9,"Height":9}')],
      ],
      [],
    ],
    [
      'sizes that are split and put together',
      {},
      [
        ['caller', fromClient(4, '{"width":9,')],
        ['caller', fromClient(4, '"HEIGHT":8}{"Width":1,"Height":2}')],
      ],
      [
        { kind: 'resize', columns: 9, rows: 8 },
        { kind: 'resize', columns: 1, rows: 2 },
      ],
    ],
  ])('reads %s', (_name, kind, passed, expected) => {
    expect(told(observeBytes(kind, passed).events)).toEqual(expected)
    expect(told(observeBytes(kind, passed, 1).events)).toEqual(expected)
  })

  test.each<[string, Passed, string?]>([
    ['a reserved bit', ['server', Buffer.from([0xc2, 1, 1])]],
    ['an unknown kind of frame', ['server', frame('x', { opcode: 3 })]],
    ['a client that does not mask', ['caller', frame('\0x')]],
    ['a server that masks', ['server', frame('\x01x', { mask: MASK })]],
    ['a length over 2^53', ['server', Buffer.from([0x82, 127, 0xff, 0, 0, 0, 0, 0, 0, 0])]],
    ['a long ping', ['server', frame('x'.repeat(126), { opcode: 9 })]],
    ['a ping in parts', ['server', frame('x', { opcode: 9, final: false })]],
    ['the rest of no message', ['server', frame('x', { opcode: 0 })]],
    [
      'a message in a message',
      ['server', Buffer.concat([frame('\x01', { final: false }), frame('\x01')])],
    ],
    ['a client that splits messages', ['caller', frame('\0ls', { final: false, mask: MASK })]],
    ['an unknown channel of the client', ['caller', fromClient(5, 'x')]],
    ['output of the client', ['caller', fromClient(1, 'x')]],
    ['an unknown channel of the server', ['server', fromServer(9, 'x')]],
    ['input of the server', ['server', fromServer(0, 'x')]],
    ['a close of no channel', ['caller', fromClient(255, '')]],
    ['a close of two channels', ['caller', fromClient(255, '\0\x01')]],
    ['a close of an unknown channel', ['caller', fromClient(255, '\x09')]],
    ['a size without an end', ['caller', fromClient(4, '{'.repeat(300))]],
    ['no base64', ['server', frame('1*', { opcode: 1 })], 'base64.channel.k8s.io'],
    [
      'bytes after the padding',
      ['server', frame('1QQ==QQ==', { opcode: 1 })],
      'base64.channel.k8s.io',
    ],
    ['channel 255 before v5', ['caller', fromClient(255, '\0')], 'v4.channel.k8s.io'],
  ])('refuses %s', (_name, passed, subprotocol = 'v5.channel.k8s.io') => {
    expect(() => observeBytes({ subprotocol }, [passed])).toThrow(
      expect.objectContaining({ name: 'Unreadable' }),
    )
  })

  test('says farewell only between messages, and not after the command has ended', () => {
    const why = { status: '{"status":"Failure"}', message: 'cut' }
    const whole = Buffer.concat([
      fromServer(3, why.status),
      frame(Buffer.from([3, 0xe8]), { opcode: 8 }),
    ])
    const before = observeBytes({}, [['server', fromServer(1, 'a')]]).observer
    const within = observeBytes({}, [['server', fromServer(1, 'abc').subarray(0, 4)]]).observer
    const after = observeBytes({}, [['server', fromServer(3, '{}')]]).observer
    expect(before.farewell(why)).toEqual(whole)
    expect(within.farewell(why)).toEqual(Buffer.alloc(0))
    expect(after.farewell(why)).toEqual(frame(Buffer.from([3, 0xe8]), { opcode: 8 }))
  })

  test('takes any bytes, or refuses them', () => {
    const subprotocol = fc.constantFrom('v5.channel.k8s.io', 'v4.base64.channel.k8s.io', '')
    const way = fc.constantFrom<'caller' | 'server'>('caller', 'server')
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .tuple(fc.nat(4), fc.uint8Array({ maxLength: 300 }))
        .map(([channel, rest]) => fromServer(channel, Buffer.from(rest))),
      fc
        .tuple(fc.nat(255), fc.uint8Array({ maxLength: 300 }))
        .map(([channel, rest]) => fromClient(channel, Buffer.from(rest))),
    )
    const passed = fc.array(
      fc.tuple(
        way,
        bytes.map((one) => Buffer.from(one)),
      ),
      { maxLength: 8 },
    )
    fc.assert(
      fc.property(subprotocol, passed, fc.integer({ min: 1, max: 64 }), (name, all, size) => {
        const whole = outcomeOf(name, all, Number.MAX_SAFE_INTEGER)
        expect(outcomeOf(name, all, size)).toEqual(whole)
      }),
      { seed: 10, numRuns: 1_000 },
    )
  })
})

/** The events, or the name of the fault. Not both: larger pieces give fewer events before a fault. */
function outcomeOf(subprotocol: string, passed: readonly Passed[], size: number): unknown {
  try {
    return told(observeBytes({ subprotocol }, passed, size).events)
  } catch (error) {
    return (error as Error).name
  }
}
