import { Duplex } from 'node:stream'
import { expect, test } from 'vitest'
import { CallerAnswer } from './caller-answer.ts'

interface Opened {
  readonly answer: CallerAnswer
  readonly writes: string[]
  readonly socket: Duplex
  /** What the connection was told: whether it stays. */
  readonly told: boolean[]
}

function anAnswer(method = 'GET', httpVersion: '1.0' | '1.1' = '1.1', complete = true): Opened {
  const writes: string[] = []
  const told: boolean[] = []
  const socket = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      writes.push(chunk.toString('latin1'))
      done()
    },
  })
  const connection = {
    socket,
    begun: () => undefined,
    requestComplete: () => complete,
    mayStay: () => true,
    answered: (stays: boolean) => void told.push(stays),
  }
  const head = { method, target: '/', httpVersion, rawHeaders: [] }
  return { answer: new CallerAnswer(head, connection), writes, socket, told }
}

const soon = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))

test.each([
  ['its length', 'GET', '1.1', 200, ['content-length', '2'], 'content-length: 2\r\n\r\nhi', true],
  ['chunks', 'GET', '1.1', 200, [], 'transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n', true],
  ['its end, in HTTP/1.0', 'GET', '1.0', 200, [], 'connection: close\r\n\r\nhi', false],
  [
    'nothing, of HEAD',
    'HEAD',
    '1.1',
    200,
    ['content-length', '9'],
    'content-length: 9\r\n\r\n',
    true,
  ],
  ['nothing, of 304', 'GET', '1.1', 304, ['etag', 'x'], 'etag: x\r\n\r\n', true],
] as const)(
  'CallerAnswer frames a body by %s',
  async (_name, method, version, status, headers, want, stays) => {
    const { answer, writes, told } = anAnswer(method, version)
    answer.begin(status, headers)
    answer.write(Buffer.from('hi'))
    answer.end()
    await soon()
    expect(writes).toHaveLength(1)
    expect(writes[0]).toMatch(/^HTTP\/1\.1 \d{3} [\w ]+\r\n/)
    expect(writes[0]?.slice(writes[0].indexOf('\r\n') + 2)).toBe(want)
    expect(told).toEqual([stays])
  },
)

test('CallerAnswer lets no other request follow one that has not come whole', async () => {
  const { answer, writes, told } = anAnswer('POST', '1.1', false)
  answer.begin(200, ['content-length', '0'])
  answer.end()
  await soon()
  expect(writes[0]).toContain('connection: close\r\n')
  expect(told).toEqual([false])
})

test.each([
  ['shorter', 'a'],
  ['longer', 'abcd'],
])('CallerAnswer cuts a body that is %s than it said', async (_name, body) => {
  const { answer, socket, told } = anAnswer()
  answer.begin(200, ['content-length', '3'])
  answer.write(Buffer.from(body))
  answer.end()
  await soon()
  expect(socket.destroyed).toBe(true)
  expect(told).toEqual([])
})

test('CallerAnswer writes the head before its body where it must not wait', async () => {
  const { answer, writes } = anAnswer()
  answer.begin(200, [], true)
  expect(writes).toHaveLength(1)
  answer.write(Buffer.from('event'))
  await soon()
  expect(writes[1]).toBe('5\r\nevent\r\n')
})

test('CallerAnswer closes once, whoever is first: its end, or the connection', async () => {
  const { answer, told } = anAnswer()
  let closed = 0
  answer.onClose(() => {
    closed += 1
  })
  answer.begin(200, ['content-length', '0'])
  answer.end()
  answer.closed()
  await soon()
  expect([closed, told]).toEqual([1, []])
  answer.onClose(() => {
    closed += 1
  })
  expect(closed).toBe(2)
})

test('CallerAnswer tells the end only when a slow caller has taken all', async () => {
  const { answer, socket, told } = anAnswer()
  socket.cork()
  answer.begin(200, ['content-length', '2'])
  answer.write(Buffer.from('hi'))
  await soon()
  answer.end()
  await soon()
  expect(told).toEqual([])
  socket.uncork()
  await soon()
  expect(told).toEqual([true])
})

test('CallerAnswer takes nothing more once it is over', async () => {
  const { answer, writes } = anAnswer()
  answer.begin(200, ['content-length', '0'])
  answer.end()
  answer.begin(500, [])
  answer.write(Buffer.from('more'))
  answer.writeContinue()
  await soon()
  expect(writes).toHaveLength(1)
})
