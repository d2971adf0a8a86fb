import { expect, test } from 'vitest'
import { MalformedMessage } from './malformed-message.ts'
import { parseRequestHead } from './request-head.ts'

test('parseRequestHead() gives what stands there, untouched', () => {
  expect(parseRequestHead('PATCH /a%2F?b=\xe9 HTTP/1.0\r\nX-A:  b \r\n')).toEqual({
    method: 'PATCH',
    target: '/a%2F?b=\xe9',
    httpVersion: '1.0',
    rawHeaders: ['X-A', 'b'],
  })
})

test.each([
  ['nothing', ''],
  ['no version', 'GET /\r\n'],
  ['two spaces', 'GET  / HTTP/1.1\r\n'],
  ['a tab', 'GET\t/ HTTP/1.1\r\n'],
  ['a space in the target', 'GET /a b HTTP/1.1\r\n'],
  ['a control character in the target', 'GET /\x01 HTTP/1.1\r\n'],
  ['a line feed in the target', 'GET /\n HTTP/1.1\r\n'],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n'],
  ['HTTP/0.9', 'GET / HTTP/0.9\r\n'],
  ['a version in small letters', 'GET / http/1.1\r\n'],
  ['a space behind the version', 'GET / HTTP/1.1 \r\n'],
  ['a method that is no token', 'G(T / HTTP/1.1\r\n'],
  ['a header that is none', 'GET / HTTP/1.1\r\nX A: b\r\n'],
])('parseRequestHead() refuses %s', (_name, text) => {
  expect(() => parseRequestHead(text)).toThrow(MalformedMessage)
})
