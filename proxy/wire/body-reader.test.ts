import { expect, test } from 'vitest'
import type { Framing } from './body-framing.ts'
import { BodyReader } from './body-reader.ts'

const CHUNKED: Framing = { kind: 'chunked' }

function readAll(framing: Framing, text: string, size = text.length || 1) {
  const reader = new BodyReader(framing)
  const bytes = Buffer.from(text, 'latin1')
  const data: string[] = []
  let taken = 0
  for (let at = 0; at < bytes.length; at += size) {
    taken += reader.read(bytes.subarray(at, at + size), (chunk) => data.push(chunk.toString()))
  }
  return { data: data.join(''), taken, isDone: reader.isDone, isWhole: reader.endOfInput() }
}

const done = { isDone: true, isWhole: true }
const cut = { isDone: false, isWhole: false }

test.each<[string, Framing, string, object]>([
  ['none', { kind: 'none' }, 'next', { data: '', taken: 0, ...done }],
  ['no bytes', { kind: 'length', bytes: 0 }, 'next', { data: '', taken: 0, ...done }],
  ['a length', { kind: 'length', bytes: 5 }, 'hello next', { data: 'hello', taken: 5, ...done }],
  ['too few', { kind: 'length', bytes: 5 }, 'hell', { data: 'hell', taken: 4, ...cut }],
  ['all', { kind: 'until close' }, 'abc', { data: 'abc', taken: 3, isDone: false, isWhole: true }],
  ['nothing', { kind: 'until close' }, '', { data: '', taken: 0, isDone: false, isWhole: true }],
  ['no chunks', CHUNKED, '0\r\n\r\nnext', { data: '', taken: 5, ...done }],
  [
    'chunks',
    CHUNKED,
    '3\r\nabc\r\n0A\r\n0123456789\r\n0\r\n\r\n',
    { data: 'abc0123456789', taken: 29, ...done },
  ],
  [
    'data that looks like chunks',
    CHUNKED,
    '5\r\n0\r\n\r\n\r\n0\r\n\r\nGET',
    { data: '0\r\n\r\n', taken: 15, ...done },
  ],
  [
    'extensions',
    CHUNKED,
    '1;a;b=c;d="e;\t f"\r\nx\r\n0;z\r\n\r\n',
    { data: 'x', taken: 29, ...done },
  ],
  ['trailers', CHUNKED, '0\r\nX-A: b\r\nY: \r\n\r\nnext', { data: '', taken: 18, ...done }],
  ['chunks without an end', CHUNKED, '3\r\nabc\r\n', { data: 'abc', taken: 8, ...cut }],
  ['trailers without an end', CHUNKED, '0\r\nX-A: b\r\n', { data: '', taken: 11, ...cut }],
])('read() of %s', (_name, framing, text, want) => {
  for (const size of [1, 2, 3, 100]) expect(readAll(framing, text, size)).toEqual(want)
})

test.each([
  ['an empty size', '\r\n'],
  ['an extension without a size', ';a\r\n'],
  ['a sign', '+1\r\n'],
  ['a prefix', '0x1\r\n'],
  ['a space behind the size', '1 \r\n'],
  ['a space before the size', ' 1\r\n'],
  ['a digit of none', '1g\r\n'],
  ['LF alone behind the size', '1\na'],
  ['CR alone behind the size', '1\ra'],
  ['a size of 17 digits', `${'0'.repeat(16)}1\r\n`],
  ['a size that no number holds', '20000000000000\r\n'],
  ['a size that overflows 64 bits', 'ffffffffffffffff\r\n'],
  ['no CRLF behind data', '1\r\nab'],
  ['LF alone behind data', '1\r\na\n'],
  ['CR alone behind data', '1\r\na\rb'],
  ['LF alone in an extension', '1;a\n'],
  ['CR alone in an extension', '1;a\rb'],
  ['an empty extension', '1;\r\n'],
  ['white space in an extension', '1; a\r\n'],
  ['a control character in an extension', '1;a="\0"\r\n'],
  ['a long extension', `1;${'a'.repeat(4_096)}`],
  ['LF alone at the end', '0\r\n\n'],
  ['CR alone at the end', '0\r\n\ra'],
  ['trailers with LF alone', '0\r\na: b\n\n'],
  ['a trailer without a colon', '0\r\na\r\n\r\n'],
  ['a folded trailer', '0\r\na: b\r\n c\r\n\r\n'],
  ['a trailer with a length', '0\r\nContent-Length: 1\r\n\r\n'],
  ['long trailers', `0\r\n${'a: b\r\n'.repeat(3_000)}`],
])('read() refuses %s', (_name, text) => {
  for (const size of [1, 100_000]) {
    expect(() => readAll(CHUNKED, text, size)).toThrow(
      expect.objectContaining({ name: 'MalformedMessage' }),
    )
  }
})

test('read() copies no bytes', () => {
  const bytes = Buffer.from('3\r\nabc\r\n0\r\n\r\n')
  const chunks: Buffer[] = []
  new BodyReader(CHUNKED).read(bytes, (chunk) => chunks.push(chunk))
  expect(chunks.map(({ buffer }) => buffer === bytes.buffer)).toEqual([true])
  const counted: Buffer[] = []
  new BodyReader({ kind: 'length', bytes: 100 }).read(bytes, (chunk) => counted.push(chunk))
  expect(counted[0]).toBe(bytes)
})
