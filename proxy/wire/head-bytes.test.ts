import { expect, test } from 'vitest'
import { HeadBytes } from './head-bytes.ts'

const HEAD = 'GET / HTTP/1.1\r\nA: \u00e9\r\n\r\n'
const bytesOf = (text: string) => Buffer.from(text, 'latin1')

function pushAll(head: HeadBytes, text: string, size: number) {
  const bytes = bytesOf(text)
  const found: string[][] = []
  for (let at = 0; at < bytes.length; at += size) {
    const one = head.push(bytes.subarray(at, at + size))
    if (one !== undefined) found.push([one.text, one.rest.toString('latin1')])
  }
  return found
}

test.each([1, 2, 3, 5, 7, 100])('push() finds the end in chunks of %i', (size) => {
  const head = new HeadBytes(100)
  expect(pushAll(head, HEAD, size)).toEqual([[HEAD.slice(0, -2), '']])
  expect(head.length).toBe(0)
  expect(pushAll(head, HEAD, size)).toEqual([[HEAD.slice(0, -2), '']])
})

test('push() gives back what comes behind the head, without a copy', () => {
  const chunk = bytesOf(`${HEAD}body\r\n\r\n`)
  const found = new HeadBytes(100).push(chunk)
  expect(found?.rest.toString()).toBe('body\r\n\r\n')
  expect(found?.rest.buffer).toBe(chunk.buffer)
})

test('push() gives back the rest of the chunk in which the blank line ended', () => {
  const head = new HeadBytes(HEAD.length)
  expect(head.push(bytesOf(HEAD.slice(0, -1)))).toBeUndefined()
  expect(head.length).toBe(HEAD.length - 1)
  expect(head.push(bytesOf(`\n${'b'.repeat(500)}`))?.rest.toString()).toBe('b'.repeat(500))
})

test.each([
  ['a head as long as it may be', HEAD, HEAD.length, 1],
  ['in one chunk', HEAD, HEAD.length, 100],
])('push() takes %s', (_name, text, max, size) => {
  expect(pushAll(new HeadBytes(max), text, size)).toHaveLength(1)
})

test.each([
  ['a byte more', HEAD, HEAD.length - 1, 1],
  ['a byte more in one chunk', HEAD, HEAD.length - 1, 100],
  ['one that never ends', 'a'.repeat(101), 100, 7],
  ['one that never ends in one chunk', 'a'.repeat(101), 100, 200],
])('push() refuses %s', (_name, text, max, size) => {
  expect(() => pushAll(new HeadBytes(max), text, size)).toThrow('the head is too long')
})

test.each([
  ['LF alone', 'GET / HTTP/1.1\n\n', 100],
  ['LF alone, byte by byte', 'GET / HTTP/1.1\n', 1],
  ['LF at the begin', '\n', 1],
  ['one of two lines', 'GET / HTTP/1.1\r\nA: b\n', 3],
])('push() refuses lines that end with %s', (_name, text, size) => {
  expect(() => pushAll(new HeadBytes(100), text, size)).toThrow('does not end with CRLF')
})

test('push() looks at each byte a fixed number of times', () => {
  const head = new HeadBytes(2 ** 20)
  const beganMs = process.cpuUsage().user
  expect(pushAll(head, `${'a'.repeat(500_000)}\r\n\r\n`, 1)).toHaveLength(1)
  // Some 100 ms; with a search from the begin for each byte it would be minutes.
  expect(process.cpuUsage().user - beganMs).toBeLessThan(10_000_000)
})
