import fc from 'fast-check'

/* Messages of HTTP/1.1 for tests of who reads them: mostly plain, now and then one byte that is not. */

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
/** Requests, most of which are plain but for one thing. */
export const requests = message(
  fc.constantFrom('POST /a HTTP/1.1', 'GET / HTTP/1.1', 'PUT /b HTTP/1.1'),
)
/** Answers of the same kind. */
export const answers = message(
  fc.constantFrom('HTTP/1.1 200 OK', 'HTTP/1.1 204 No', 'HTTP/1.1 304 N', 'HTTP/1.1 404 \xe9'),
)
/** Where a message is cut, in parts of its length. */
export const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 })

/** A message in pieces. */
export function cut(bytes: Buffer, at: readonly number[]): readonly Buffer[] {
  const places = [0, ...at.map((part) => Math.floor(part * bytes.length)), bytes.length]
  places.sort((a, b) => a - b)
  return places.slice(1).map((place, index) => bytes.subarray(places[index], place))
}

/** A message byte by byte. */
export const each = (bytes: Buffer) =>
  Array.from(bytes, (_byte, index) => bytes.subarray(index, index + 1))
