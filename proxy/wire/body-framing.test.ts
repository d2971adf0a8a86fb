import { expect, test } from 'vitest'
import { requestFraming, responseFraming } from './body-framing.ts'

const NONE = { kind: 'none' }
const CHUNKED = { kind: 'chunked' }

test.each<[string, string[], object]>([
  ['nothing', ['Host', 'x'], NONE],
  ['a length', ['content-length', '5'], { kind: 'length', bytes: 5 }],
  ['no bytes', ['Content-Length', '0'], { kind: 'length', bytes: 0 }],
  ['leading zeros', ['Content-Length', '005'], { kind: 'length', bytes: 5 }],
  ['chunks', ['Transfer-Encoding', 'chunked'], CHUNKED],
  ['chunks in another case', ['TRANSFER-ENCODING', 'Chunked'], CHUNKED],
  [
    'names of the same length',
    ['content-lengtH', '1', 'x-a-name-of-14', '2'],
    { kind: 'length', bytes: 1 },
  ],
])('requestFraming() of %s', (_name, headers, want) => {
  expect(requestFraming(headers)).toEqual(want)
})

const AMBIGUOUS: readonly (readonly [string, string[]])[] = [
  ['two lengths', ['Content-Length', '5', 'Content-Length', '6']],
  ['two equal lengths', ['Content-Length', '5', 'content-length', '5']],
  ['a list of lengths', ['Content-Length', '5, 5']],
  ['a sign', ['Content-Length', '+5']],
  ['a negative length', ['Content-Length', '-1']],
  ['hex', ['Content-Length', '0x5']],
  ['an empty length', ['Content-Length', '']],
  ['a space in it', ['Content-Length', '1 2']],
  ['a length that no number holds', ['Content-Length', '9'.repeat(16)]],
  ['other digits', ['Content-Length', '\u00b2']],
  ['length and chunks', ['Content-Length', '5', 'Transfer-Encoding', 'chunked']],
  ['chunks and length', ['Transfer-Encoding', 'chunked', 'Content-Length', '0']],
  ['chunks twice', ['Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked']],
  ['chunks in a list', ['Transfer-Encoding', 'gzip, chunked']],
  ['identity', ['Transfer-Encoding', 'identity']],
  ['another encoding', ['Transfer-Encoding', 'xchunked']],
  ['an empty encoding', ['Transfer-Encoding', '']],
]

test.each(AMBIGUOUS)('requestFraming() refuses %s', (_name, headers) => {
  expect(() => requestFraming(headers)).toThrow('Malformed')
})

test.each(AMBIGUOUS)(
  'responseFraming() refuses %s, of an answer without a body too',
  (_name, headers) => {
    for (const [method, httpStatus] of [
      ['GET', 200],
      ['HEAD', 200],
      ['GET', 304],
    ] as const) {
      expect(() => responseFraming(method, httpStatus, headers)).toThrow('Malformed')
    }
  },
)

test('requestFraming() and responseFraming() refuse chunks in HTTP/1.0', () => {
  const headers = ['Transfer-Encoding', 'chunked']
  expect(() => requestFraming(headers, '1.0')).toThrow('transfer encoding')
  expect(() => responseFraming('GET', 200, headers, '1.0')).toThrow('transfer encoding')
})

test.each<[string, number, string[], object]>([
  ['GET', 200, [], { kind: 'until close' }],
  ['GET', 200, ['Content-Length', '7'], { kind: 'length', bytes: 7 }],
  ['GET', 500, ['Transfer-Encoding', 'chunked'], CHUNKED],
  ['HEAD', 200, ['Content-Length', '7'], NONE],
  ['HEAD', 200, ['Transfer-Encoding', 'chunked'], NONE],
  ['GET', 204, [], NONE],
  ['GET', 304, ['Content-Length', '7'], NONE],
  ['GET', 100, [], NONE],
  ['GET', 205, ['Content-Length', '0'], { kind: 'length', bytes: 0 }],
])('responseFraming() of %s and %i with %j', (method, httpStatus, headers, want) => {
  expect(responseFraming(method, httpStatus, headers)).toEqual(want)
})
