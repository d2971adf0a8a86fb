import { expect, test } from 'vitest'
import { parseResponseHead } from './response-head.ts'

test.each([
  ['HTTP/1.1 200 OK\r\nA: b\r\n', '1.1', 200, 'OK', ['A', 'b']],
  ['HTTP/1.0 999 \r\n', '1.0', 999, '', []],
  ['HTTP/1.1 404\r\n', '1.1', 404, '', []],
  ['HTTP/1.1 200 \u00e9\t x \r\n', '1.1', 200, '\u00e9\t x ', []],
])('parseResponseHead() of %j', (text, version, httpStatus, reason, headers) => {
  expect(parseResponseHead(text)).toEqual({ version, httpStatus, reason, headers })
})

test.each([
  [''],
  ['\r\n'],
  ['\r\nHTTP/1.1 200 OK\r\n'],
  ['HTTP/1.1 200 OK'],
  ['HTTP/2 200\r\n'],
  ['HTTP/1.2 200 OK\r\n'],
  ['http/1.1 200 OK\r\n'],
  ['HTTP/1.1  200 OK\r\n'],
  ['HTTP/1.1 099 OK\r\n'],
  ['HTTP/1.1 20 OK\r\n'],
  ['HTTP/1.1 2000 OK\r\n'],
  ['HTTP/1.1 200OK\r\n'],
  ['HTTP/1.1 200 O\0K\r\n'],
  ['HTTP/1.1 200 O\rK\r\n'],
  ['HTTP/1.1 200 OK\nA: b\r\n'],
  ['HTTP/1.1 200 OK\r\n A: b\r\n'],
])('parseResponseHead() refuses %j', (text) => {
  expect(() => parseResponseHead(text)).toThrow('Malformed')
})
