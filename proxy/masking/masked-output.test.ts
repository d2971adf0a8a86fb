import { describe, expect, test } from 'vitest'
import { CredentialScanner } from '../../core/masking/credentials/credential-scanner.ts'
import { maskToken } from '../../core/masking/mask-token.ts'
import { aRequest } from '../../test/support/policy-builders.ts'
import { SpdyHeaders, spdyControl, spdyData, word } from '../../test/support/spdy-bytes.ts'
import { frame, fromClient, fromServer } from '../../test/support/websocket-bytes.ts'
import type { MaskOrder } from '../judgement/mask-order.ts'
import { ChannelReader } from '../session/channel-reader.ts'
import { type OutputWire, SpdyOutput, WebSocketOutput } from '../session/output-wire.ts'
import { SpdyReader } from '../session/spdy-reader.ts'
import { MaskedOutput } from './masked-output.ts'

const key = Buffer.alloc(32, 7)
const scanner = new CredentialScanner()
const mask: MaskOrder = { names: ['credentials'], profiles: [], key, scanner }
// In two parts, so that nobody takes it for a real one.
const GITHUB = `ghp${'_'}S3cdLqBfA9kq2hYw7Vt0pXeR5nMz1u2Kd8Tj`
const TOKEN = maskToken(Buffer.from(GITHUB), key)
const EXIT = '{"status":"Success"}'
const CLOSE = frame(Buffer.from([3, 0xe8]), { opcode: 8 })
const PLAIN = { base64: false, closes: true }
const BASE64 = { base64: true, closes: false }

const masked = (wire: OutputWire) =>
  new MaskedOutput({ wire, mask, attributes: aRequest({ subresource: 'exec' }), scanner })

/** What goes on of bytes that are cut at a place. */
function through(output: MaskedOutput, bytes: Buffer, cut = 0): Buffer {
  const first = output.push(bytes.subarray(0, cut), 0)
  return Buffer.concat([first, output.push(bytes.subarray(cut), 0), output.end()])
}

/** Messages by channel as a client reads them, each piece after the other, and control frames. */
function readChannels(bytes: Buffer, coding = PLAIN): readonly string[] {
  const said: string[] = []
  const reader = new ChannelReader({ masked: false, fragments: true }, coding, {
    onChannel: (channel, piece) => {
      const last = said.at(-1)
      const same = last?.startsWith(`${channel}:`) === true
      said[same ? said.length - 1 : said.length] = `${same ? last : `${channel}:`}${piece}`
    },
    onChannelMessage: () => undefined,
    onChannelClosed: (channel) => void said.push(`closed ${channel}`),
    onControl: (opcode) => void said.push(`control ${opcode}`),
  })
  reader.push(bytes)
  return said
}

describe('MaskedOutput over a WebSocket', () => {
  const line = `login ${GITHUB} ok\n`
  const SESSION = Buffer.concat([
    fromServer(1, ''),
    fromServer(1, line.slice(0, 13)),
    frame('', { opcode: 9 }),
    frame(`\x01${line.slice(13, 30)}`, { final: false }),
    frame(line.slice(30), { opcode: 0 }),
    fromServer(2, `oops ${GITHUB}`),
    fromServer(255, '\x01'),
    fromServer(3, EXIT),
    CLOSE,
  ])

  test('hides what is split over frames, wherever they are cut, and passes all else in its order', () => {
    for (let cut = 0; cut <= SESSION.length; cut += 1) {
      const said = readChannels(through(masked(new WebSocketOutput(PLAIN)), SESSION, cut))
      expect(said).toEqual([
        'control 9',
        `1:login ${TOKEN} ok\n`,
        'closed 1',
        `2:oops ${TOKEN}`,
        `3:${EXIT}`,
        'control 8',
      ])
    }
  })

  test('passes the empty message that says that the streams are there immediately', () => {
    expect(masked(new WebSocketOutput(PLAIN)).push(fromServer(1, ''), 0)).toEqual(fromServer(1, ''))
  })

  test('reads and writes base64, cut anywhere', () => {
    const text = (channel: number, said: string) =>
      frame(`${channel}${Buffer.from(said).toString('base64')}`, { opcode: 1 })
    const bytes = Buffer.concat([text(1, line.slice(0, 20)), text(1, line.slice(20))])
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const out = through(masked(new WebSocketOutput(BASE64)), bytes, cut)
      expect(readChannels(out, BASE64)).toEqual([`1:login ${TOKEN} ok\n`])
    }
  })

  test('shows a prompt when it is due, and not more than 100 ms later', () => {
    const output = masked(new WebSocketOutput(PLAIN))
    expect(output.push(fromServer(1, 'password? '), 1_000)).toHaveLength(0)
    expect(output.dueMs).toBe(1_100)
    expect(output.flush(1_099)).toHaveLength(0)
    expect(readChannels(output.flush(1_100))).toEqual(['1:password? '])
    expect(output.dueMs).toBeUndefined()
  })

  test('keeps back 64 KiB at most, and makes frames that any client takes', () => {
    const output = masked(new WebSocketOutput(PLAIN))
    const out = output.push(frame(`\x01${'x'.repeat(300_000)}`), 0)
    expect(out.length).toBeGreaterThan(300_000 - 64 * 1_024)
    const said = readChannels(Buffer.concat([out, output.end()]))
    expect(said.join('')).toBe(`1:${'x'.repeat(300_000)}`)
  })

  test('hides credentials in what is said of how the command ended, and counts all', () => {
    const status = JSON.stringify({ status: 'Failure', message: `no ${GITHUB}`, details: { a: 1 } })
    const output = masked(new WebSocketOutput(PLAIN))
    const out = through(
      output,
      Buffer.concat([fromServer(1, `${GITHUB}\n`), fromServer(3, status)]),
    )
    expect(readChannels(out)).toEqual([
      `1:${TOKEN}\n`,
      `3:${JSON.stringify({ status: 'Failure', message: `no ${TOKEN}`, details: { a: 1 } })}`,
    ])
    expect([...output.counts()]).toEqual([['credentials', 2]])
    const older = through(masked(new WebSocketOutput(PLAIN)), fromServer(3, `no ${GITHUB}`))
    expect(readChannels(older)).toEqual([`3:no ${TOKEN}`])
  })

  test.each([
    ['a channel that carries nothing this way', fromServer(4, 'x')],
    ['a frame that is masked', fromClient(1, 'x')],
    ['a reserved bit', Buffer.from([0xc2, 1, 1])],
    ['an end that says too much', frame(`\x03${'x'.repeat(40_000)}`)],
  ])('refuses %s', (_name, bytes) => {
    expect(() => masked(new WebSocketOutput(PLAIN)).push(bytes, 0)).toThrow(
      /is masked, and the API server sent what cannot be read/,
    )
  })
})

const TYPES = ['error', 'stdin', 'stdout', 'stderr'] as const
const client = new SpdyHeaders()
const frames: Buffer[] = []
for (const [index, type] of TYPES.entries())
  frames.push(await client.open(1 + 2 * index, [['streamtype', type]]))
const opened = Buffer.concat(frames)
const reply = await new SpdyHeaders().reply(5)
const opens = await new SpdyHeaders().open(2, [])

describe('MaskedOutput over SPDY', () => {
  const line = `login ${GITHUB} ok\n`
  const SESSION = Buffer.concat([
    reply,
    spdyData(5, line.slice(0, 12)),
    spdyControl(6, word(1)),
    spdyData(7, `oops ${GITHUB}`),
    spdyData(5, line.slice(12)),
    spdyData(5, 'last', 1),
    spdyControl(3, Buffer.concat([word(7), word(5)])),
    spdyData(1, EXIT),
    spdyData(1, '', 1),
    spdyControl(7, Buffer.concat([word(9), word(0)])),
  ])

  function read(bytes: Buffer): readonly string[] {
    const said: string[] = []
    const reader = new SpdyReader({
      onControl: (one) => void said.push(`control ${one.readUInt16BE(2)}`),
      onStream: () => undefined,
      onStreamData: (id, piece) => {
        const last = said.at(-1)
        const same = last?.startsWith(`${id}:`) === true
        said[same ? said.length - 1 : said.length] = `${same ? last : `${id}:`}${piece}`
      },
      onStreamEnd: (id) => void said.push(`end ${id}`),
      onReset: () => undefined,
    })
    reader.push(bytes)
    return said
  }

  const ready = () => {
    const output = masked(new SpdyOutput())
    output.fromCaller(opened)
    return output
  }

  test('hides what is split over frames, wherever they are cut, and passes all else in its order', () => {
    for (let cut = 0; cut <= SESSION.length; cut += 1) {
      expect(read(through(ready(), SESSION, cut))).toEqual([
        ...['control 2', 'control 6', `5:login ${TOKEN} ok\nlast`, 'end 5', `7:oops ${TOKEN}`],
        ...['control 3', `1:${EXIT}`, 'end 1', 'control 7'],
      ])
    }
  })

  test('says how the command ended where the end of that stream does not come', () => {
    expect(read(through(ready(), spdyData(1, `no ${GITHUB}`)))).toEqual([`1:no ${TOKEN}`])
  })

  test.each([
    ['a stream that nobody opened', spdyData(11, 'x')],
    ['output on the input', spdyData(3, 'x')],
    ['a stream that the API server opens', opens],
  ])('refuses %s', (_name, bytes) => {
    expect(() => ready().push(bytes, 0)).toThrow(/the API server sent what cannot be read/)
  })

  test('refuses a client whose frames cannot be read', () => {
    expect(() => ready().fromCaller(spdyData(1, 'x', 2))).toThrow(
      /the client sent what cannot be read/,
    )
  })
})
