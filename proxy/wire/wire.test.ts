import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  createReadingServer,
  readAnswerWithNode,
  readRequestWithNode,
} from '../../test/support/read-with-node.ts'
import { type Framing, requestFraming, responseFraming } from './body-framing.ts'
import { BodyReader } from './body-reader.ts'
import { HeadBytes } from './head-bytes.ts'
import { parseHeaderLines } from './header-lines.ts'

/*
 * Whatever these readers take, Node's parser (llhttp) takes with the same meaning, and where the
 * borders of the chunks are changes nothing.
 */

const SEED = 20_261_127
const HEAD_MAX = 64 * 1024

interface OwnReading {
  readonly start: string
  readonly headers: readonly string[]
  readonly body: string
  /** Bytes of the message. */
  readonly length: number
}

type FramingOf = (start: string, headers: readonly string[]) => Framing

/** Undefined when it is malformed or not whole. */
function readOwn(chunks: readonly Buffer[], framingOf: FramingOf): OwnReading | undefined {
  const head = new HeadBytes(HEAD_MAX)
  const body: Buffer[] = []
  let length = 0
  let start: string | undefined
  let headers: readonly string[] = []
  let reader: BodyReader | undefined
  try {
    for (const chunk of chunks) {
      let rest = chunk
      if (reader === undefined) {
        const found = head.push(chunk)
        if (found === undefined) {
          length += chunk.length
          continue
        }
        length += chunk.length - found.rest.length
        rest = found.rest
        const end = found.text.indexOf('\r\n')
        start = found.text.slice(0, end)
        headers = parseHeaderLines(found.text, end + 2)
        reader = new BodyReader(framingOf(start, headers))
      }
      length += reader.read(rest, (part) => body.push(Buffer.from(part)))
    }
  } catch {
    return undefined
  }
  if (start === undefined || reader?.endOfInput() !== true) return undefined
  return { start, headers, body: Buffer.concat(body).toString('latin1'), length }
}

const asRequest: FramingOf = (_start, headers) => requestFraming(headers)
const asAnswerTo =
  (method: string): FramingOf =>
  (start, headers) =>
    responseFraming(method, Number(start.split(' ')[1]), headers)

/** Mostly plain, now and then one byte that is not. */
const oddByte = fc.constantFrom(...'\r\n\0\t \x7f\x80\xff;:,=a0G"\v\x01'.split(''))
const oddText = fc
  .array(fc.oneof({ weight: 6, arbitrary: fc.constantFrom('a', '1', 'x-') }, oddByte))
  .map((parts) => parts.join(''))
const eol = fc.oneof(
  { weight: 30, arbitrary: fc.constant('\r\n') },
  fc.constantFrom('\n', '\r', '\r\r\n', '\n\r\n', '\r\n '),
)
const headerLine = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('A: b', 'x-a:\tc ', 'Accept: \xe9', 'X:', 'x_y: ;') },
  { weight: 3, arbitrary: fc.constantFrom('Content-Length: 5', 'Transfer-Encoding: chunked') },
  fc.constantFrom('content-length: 05', 'Content-Length: +5', 'Content-Length: 5, 5'),
  fc.constantFrom(
    'Content-Length:',
    'Content-Length : 5',
    'Content-Length: 0x5',
    'CONTENT-LENGTH:5',
  ),
  fc.constantFrom('transfer-encoding:CHUNKED', 'Transfer-Encoding: gzip, chunked'),
  fc.constantFrom('Transfer-Encoding: identity', 'Transfer-Encoding : chunked', ' folded: x'),
  fc.tuple(oddText, oddText).map(([name, value]) => `${name}:${value}`),
)
const chunkLine = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('1', '5', '0a', '0', '00000000000000001') },
  fc.constantFrom('5;a', '5;a=b', '5;a="b;c"', '5 ', ' 5', '5;', '0x5', '-5', '+5', '5;\n', ''),
  fc.constantFrom('fffffffffffffffff', '5;a=b;c', '5 ;a', '5; a', '5;a="\\""', '5\t', '1_0'),
)
const bodyPart = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('hello', 'a', '0123456789', '') },
  { weight: 3, arbitrary: fc.constant('5\r\nhello\r\n0\r\n\r\n') },
  { weight: 2, arbitrary: fc.constant('1\r\na\r\n0\r\nX-T: y\r\n\r\n') },
  fc
    .tuple(chunkLine, eol, oddText, eol, fc.constantFrom('0\r\n\r\n', '0\r\nA: b\r\n\r\n', ''))
    .map((parts) => parts.join('')),
  fc.constantFrom('0\r\nContent-Length: 5\r\n\r\n', '0\r\nA : b\r\n\r\n', '0\r\n\r', '0\n\n'),
)
const message = (start: fc.Arbitrary<string>) =>
  fc
    .tuple(
      start,
      fc.array(fc.tuple(headerLine, eol), { maxLength: 3 }),
      fc.array(bodyPart, { maxLength: 2 }),
    )
    .map(([first, lines, body]) => {
      const head = lines.map((line) => line.join('')).join('')
      return Buffer.from(`${first}\r\n${head}\r\n${body.join('')}`, 'latin1')
    })
const requests = message(fc.constantFrom('POST /a HTTP/1.1', 'GET / HTTP/1.1', 'PUT /b HTTP/1.1'))
const answers = message(
  fc.constantFrom('HTTP/1.1 200 OK', 'HTTP/1.1 204 No', 'HTTP/1.1 304 N', 'HTTP/1.1 404 \xe9'),
)
/** Where a message is cut, in parts of its length. */
const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 })

function cut(bytes: Buffer, at: readonly number[]): readonly Buffer[] {
  const places = [0, ...at.map((part) => Math.floor(part * bytes.length)), bytes.length]
  places.sort((a, b) => a - b)
  return places.slice(1).map((place, index) => bytes.subarray(places[index], place))
}

const each = (bytes: Buffer) =>
  Array.from(bytes, (_byte, index) => bytes.subarray(index, index + 1))

test('what these take for a request, Node takes with the same meaning', async () => {
  const server = createReadingServer()
  let taken = 0
  await fc.assert(
    fc.asyncProperty(requests, async (bytes) => {
      const own = readOwn([bytes], asRequest)
      if (own === undefined) return
      taken++
      const { start, headers, body, length } = own
      expect(await readRequestWithNode(server, bytes.subarray(0, length))).toEqual([
        { start: start.replace(' HTTP/1.1', ''), headers, body },
      ])
    }),
    { seed: SEED, numRuns: 1_000 },
  )
  expect(taken).toBeGreaterThan(150)
})

test.each(['GET', 'HEAD'])(
  'what these take for an answer to %s, Node takes with the same meaning',
  async (method) => {
    let taken = 0
    await fc.assert(
      fc.asyncProperty(answers, async (bytes) => {
        const own = readOwn([bytes], asAnswerTo(method))
        if (own === undefined) return
        taken++
        const { start, headers, body, length } = own
        expect(await readAnswerWithNode(method, bytes.subarray(0, length))).toEqual({
          start: start.replace('HTTP/1.1 ', ''),
          headers,
          body,
        })
      }),
      { seed: SEED, numRuns: 700 },
    )
    expect(taken).toBeGreaterThan(150)
  },
)

test('the borders of chunks change nothing', () => {
  fc.assert(
    fc.property(fc.oneof(requests, answers), cuts, (bytes, at) => {
      const whole = readOwn([bytes], asRequest)
      expect(readOwn(cut(bytes, at), asRequest)).toEqual(whole)
      expect(readOwn(each(bytes), asRequest)).toEqual(whole)
    }),
    { seed: SEED, numRuns: 700 },
  )
})
