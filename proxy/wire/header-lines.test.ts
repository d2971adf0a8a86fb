import { expect, test } from 'vitest'
import { parseHeaderLines } from './header-lines.ts'

test.each([
  ['no lines', '', []],
  ['names in their case', 'Host: x\r\nX-aB: c\r\n', ['Host', 'x', 'X-aB', 'c']],
  ['the same name twice', 'a: 1\r\na: 2\r\n', ['a', '1', 'a', '2']],
  ['white space around a value', 'a:\t b \t c \t\r\n', ['a', 'b \t c']],
  ['no value', 'a:\r\nb: \r\n', ['a', '', 'b', '']],
  ['colons in a value', 'a: b:c\r\n', ['a', 'b:c']],
  ['bytes that are not ASCII', 'a: \u00e9\u0080\r\n', ['a', '\u00e9\u0080']],
  ['all characters of a token', "!#$%&'*+-.^_`|~0aZ: x\r\n", ["!#$%&'*+-.^_`|~0aZ", 'x']],
])('parseHeaderLines() reads %s', (_name, text, want) => {
  expect(parseHeaderLines(`GET / HTTP/1.1\r\n${text}`, 16)).toEqual(want)
})

test.each([
  ['a folded line', 'a: b\r\n c: d\r\n', 'a header line is folded'],
  ['a folded line with a tab', 'a: b\r\n\tc\r\n', 'a header line is folded'],
  ['white space before the first line', ' a: b\r\n', 'a header line is folded'],
  ['a space before the colon', 'a : b\r\n', 'a header name holds'],
  ['an empty name', ': b\r\n', 'a header name holds'],
  ['a name that is no token', 'a(b): c\r\n', 'a header name holds'],
  ['a name that is not ASCII', 'a\u00e9: c\r\n', 'a header name holds'],
  ['a line without a colon', 'a\r\nb: c\r\n', 'a header line has no colon'],
  ['an empty line', '\r\na: b\r\n', 'a header line has no colon'],
  ['NUL', 'a: b\0c\r\n', 'a header value holds'],
  ['a bare CR', 'a: b\rc: d\r\n', 'a header value holds'],
  ['a CR before the end', 'a: b\r\r\n', 'a header value holds'],
  ['a bare LF', 'a: b\nc: d\r\n', 'a header value holds'],
  ['a bare LF in a name', 'a\nb: d\r\n', 'a header name holds'],
  ['a delete character', 'a: \x7f\r\n', 'a header value holds'],
  ['a vertical tab around a value', 'a: \vb\r\n', 'a header value holds'],
  ['no line end', 'a: b', 'a line does not end with CRLF'],
  ['half a line end', 'a: b\r', 'a line does not end with CRLF'],
])('parseHeaderLines() refuses %s', (_name, text, reason) => {
  expect(() => parseHeaderLines(text, 0)).toThrow(
    expect.objectContaining({ reason: expect.stringContaining(reason) }),
  )
})

test('parseHeaderLines() takes a time that grows with the length alone', () => {
  const spaces = ' '.repeat(500_000)
  expect(parseHeaderLines(`a:${spaces}b${spaces}\r\nc:${spaces}\r\n`, 0)).toEqual([
    ...['a', 'b', 'c', ''],
  ])
})
