import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { UpstreamExchange, UpstreamRequest } from './upstream-exchange.ts'
import { UpstreamPool } from './upstream-pool.ts'

/* What a connection to the API server can do, and what the caller then hears. */

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'
const GET: UpstreamRequest = {
  ...{ method: 'GET', path: '/a', headers: [], body: null, headersTimeoutMs: 0 },
}

/** What the server does with the n-th bytes that come, over all its connections. */
let answers: ((socket: Socket) => void)[] = []
let heard = ''
const open = new Set<Socket>()
const server = createServer({ allowHalfOpen: true }, (socket) => {
  open.add(socket)
  socket.on('close', () => open.delete(socket))
  socket.on('error', () => undefined)
  socket.on('data', (chunk) => {
    heard += chunk.toString('latin1')
    answers.shift()?.(socket)
  })
})
let pool: UpstreamPool
let sockets: Socket[] = []
let port = 0

function aPool(options: { idleMsMax?: number; connectTimeoutMs?: number; port?: number } = {}) {
  return new UpstreamPool({
    host: 'api',
    openSocket: () => {
      const socket = connect(options.port ?? port, '127.0.0.1')
      sockets.push(socket)
      return { socket, ready: 'connect' }
    },
    connectTimeoutMs: 5_000,
    idleMsMax: 60_000,
    ...options,
  })
}

beforeEach(async () => {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  port = (server.address() as AddressInfo).port
  answers = []
  heard = ''
  sockets = []
  pool = aPool()
})
afterEach(async () => {
  pool.destroy()
  for (const socket of open) socket.destroy()
  await new Promise<void>((resolve) => {
    server.close(() => resolve())
  })
  // Nothing is left behind, whatever happened before.
  await expect.poll(() => pool.size).toBe(0)
})

interface Told {
  readonly text: string
  readonly error: string
  readonly sent: boolean
}

/** What the caller hears until the end, as `200 body`. */
function ask(request: Partial<UpstreamRequest> = {}, use?: (exchange: UpstreamExchange) => void) {
  return new Promise<Told>((resolve) => {
    let text = ''
    const done = (error: string) => resolve({ text, error, sent: exchange.sent })
    const exchange = pool.dispatch(
      { ...GET, ...request },
      {
        onHead: (httpStatus) => {
          text += `${httpStatus} `
        },
        onData: (chunk) => {
          text += chunk.toString()
        },
        onEnd: () => done(''),
        onError: (error) => done(error.message),
      },
    )
    use?.(exchange)
  })
}

const say = (text: string) => (socket: Socket) => void socket.write(text, 'latin1')
const sayAndEnd = (text: string) => (socket: Socket) => void socket.end(text, 'latin1')
const reset = (socket: Socket) => void socket.resetAndDestroy()
const settled = () => new Promise((resolve) => setTimeout(resolve, 30))

test.each([
  ['a counted answer', OK, '200 {}'],
  ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n', '200 a'],
  ['no body', 'HTTP/1.1 204 No Content\r\n\r\n', '204 '],
  ['informational answers before', `HTTP/1.1 103 Early\r\nA: b\r\n\r\n${OK}`, '200 {}'],
])('dispatch() keeps the connection after %s', async (_name, answer, want) => {
  answers = [say(answer), say(OK)]
  expect(await ask()).toEqual({ text: want, error: '', sent: true })
  expect(await ask()).toEqual({ text: '200 {}', error: '', sent: true })
  expect(sockets).toHaveLength(1)
})

test.each([
  [
    'Connection: close',
    say('HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 1\r\n\r\na'),
  ],
  ['HTTP/1.0', say('HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na')],
  ['a body until the end', sayAndEnd('HTTP/1.1 200 OK\r\n\r\na')],
  ['bytes behind the answer', say('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab')],
  ['a second answer', say(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na${OK}`)],
  [
    'a time that is over',
    say('HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 1\r\n\r\na'),
  ],
])('dispatch() keeps no connection after %s', async (_name, answer) => {
  answers = [answer, say(OK)]
  expect(await ask()).toMatchObject({ text: '200 a', error: '' })
  expect(await ask()).toMatchObject({ text: '200 {}' })
  expect(sockets).toHaveLength(2)
  expect(sockets[0]?.destroyed).toBe(true)
})

test.each([
  ['bytes', say(OK)],
  ['an end', (socket: Socket) => void socket.end()],
  ['a reset', reset],
])('an idle connection is closed by %s', async (_name, happen) => {
  answers = [say(OK), say(OK.replace('{}', '[]'))]
  await ask()
  for (const socket of open) happen(socket)
  await settled()
  expect(pool.size).toBe(0)
  expect(await ask()).toMatchObject({ text: '200 []' })
})

test.each([
  ['an end before the answer', sayAndEnd(''), '', 'closed'],
  ['a reset before the answer', reset, '', 'ECONNRESET'],
  ['an end in the head', sayAndEnd('HTTP/1.1 200 OK\r\nA'), '', 'closed'],
  [
    'an end in the body',
    sayAndEnd('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na'),
    '200 a',
    'closed',
  ],
  [
    'an end in chunks',
    sayAndEnd('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n'),
    '200 a',
    'closed',
  ],
  ['no HTTP', say('SSH-2.0-x\r\n\r\n'), '', 'Malformed'],
  ['LF alone', say('HTTP/1.1 200 OK\n\n'), '', 'Malformed'],
  ['an upgrade', say('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n'), '', 'Malformed'],
  [
    'a body framed twice',
    say('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'),
    '',
    'Malformed',
  ],
  [
    'two lengths',
    say('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'),
    '',
    'Malformed',
  ],
  [
    'a huge chunk',
    say('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n'),
    '200 ',
    'Malformed',
  ],
  ['a flood of 1xx', say('HTTP/1.1 100 Continue\r\n\r\n'.repeat(50_000)), '', 'too long'],
  ['a head without an end', say(`HTTP/1.1 200 OK\r\nA: ${'a'.repeat(1_100_000)}`), '', 'too long'],
])(
  'dispatch() fails after %s, once and on that connection alone',
  async (_name, answer, text, error) => {
    answers = [answer]
    expect(await ask()).toEqual({ text, error: expect.stringContaining(error), sent: true })
    await settled()
    expect(pool.size).toBe(0)
    expect(heard.match(/GET/g)).toHaveLength(1)
  },
)

test('dispatch() sends nothing when it cannot connect', async () => {
  pool = aPool({ port: 1 })
  expect(await ask({ method: 'POST' })).toMatchObject({
    error: expect.stringContaining('ECONNREFUSED'),
    sent: false,
  })
})

test('dispatch() gives up a connection that is not made in time', async () => {
  pool = new UpstreamPool({
    host: 'api',
    openSocket: () => ({ socket: connect(port, '127.0.0.1'), ready: 'secureConnect' }),
    ...{ connectTimeoutMs: 20, idleMsMax: 1_000 },
  })
  expect(await ask()).toMatchObject({ error: expect.stringContaining('in time'), sent: false })
})

test.each([
  ['nothing', undefined],
  ['half a head', say('HTTP/1.1 200 OK\r\n')],
  ['informational answers alone', say('HTTP/1.1 100 Continue\r\n\r\n')],
])('dispatch() waits as long as it was told when there comes %s', async (_name, answer) => {
  answers = answer === undefined ? [] : [answer]
  expect(await ask({ headersTimeoutMs: 50 })).toMatchObject({
    error: expect.stringContaining('in time'),
    sent: true,
  })
})

test('dispatch() does not time a body, nor a caller that sends slowly', async () => {
  answers = [
    () => undefined,
    (socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na')
      setTimeout(() => socket.write('b'), 120)
    },
  ]
  const told = ask({ method: 'POST', body: 'stream', headersTimeoutMs: 50 }, (exchange) => {
    setTimeout(() => exchange.end(), 120)
  })
  expect(await told).toMatchObject({ text: '200 ab', error: '' })
})

test('dispatch() writes a head and a small body in one piece', async () => {
  answers = [say(OK)]
  await ask({ method: 'POST', headers: ['x-a', '\u00e9'], body: Buffer.from('{}') })
  expect(heard).toBe('POST /a HTTP/1.1\r\nhost: api\r\nx-a: \u00e9\r\ncontent-length: 2\r\n\r\n{}')
})

test.each([
  ['chunks', [], 'transfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n'],
  ['its length', ['content-length', '3'], 'content-length: 3\r\n\r\nabc'],
])(
  'write() frames a body by %s, before there is a connection too',
  async (_name, headers, want) => {
    const told = ask({ method: 'PUT', headers, body: 'stream' }, (exchange) => {
      expect(exchange.write(Buffer.from('ab'))).toBe(false)
      exchange.onDrain = () => {
        exchange.onDrain = () => undefined
        exchange.write(Buffer.from('c'))
        exchange.end()
      }
    })
    await expect.poll(() => heard).toContain(want)
    for (const socket of open) socket.write(OK)
    expect(await told).toMatchObject({ text: '200 {}' })
  },
)

test.each([
  ['longer', 'abcd'],
  ['shorter', 'ab'],
])('write() fails when a body is %s than its head says', async (_name, body) => {
  const told = ask(
    { method: 'PUT', headers: ['content-length', '3'], body: 'stream' },
    (exchange) => {
      exchange.write(Buffer.from(body))
      exchange.end()
    },
  )
  expect(await told).toMatchObject({ text: '', error: expect.stringContaining('another length') })
})

test('an answer before the end of the body is whole, and its connection is not kept', async () => {
  answers = [say(OK), say(OK)]
  expect(await ask({ method: 'PUT', body: 'stream' })).toMatchObject({ text: '200 {}', error: '' })
  await ask()
  expect(sockets).toHaveLength(2)
})

test('abort() says nothing more, and closes a connection that waits for an answer', async () => {
  let told = 0
  const count = () => void told++
  const handler = { onHead: count, onData: count, onEnd: count, onError: count }
  const connecting = pool.dispatch(GET, handler)
  connecting.abort(new Error('gone'))
  await settled()
  // Made for nobody, and free for the next.
  expect(pool.size).toBe(1)
  const waiting = pool.dispatch(GET, handler)
  await expect.poll(() => heard).not.toBe('')
  waiting.abort(new Error('gone'))
  await expect.poll(() => pool.size).toBe(0)
  expect([told, sockets.length]).toEqual([0, 1])
})

test('retire() closes what is idle, and lets what runs end', async () => {
  answers = [say(OK), () => undefined, say(OK)]
  const [first] = await Promise.all([ask()])
  expect(first?.text).toBe('200 {}')
  const told = ask()
  await expect.poll(() => heard.match(/GET/g)?.length).toBe(2)
  pool.retire()
  for (const socket of open) socket.write(OK)
  expect(await told).toMatchObject({ text: '200 {}', error: '' })
  await expect.poll(() => pool.size).toBe(0)
})

test('an idle connection is closed after its time', async () => {
  pool = aPool({ idleMsMax: 60 })
  answers = [say(OK)]
  await ask()
  expect(pool.size).toBe(1)
  await expect.poll(() => pool.size).toBe(0)
})

test('pause() holds the answer back until resume()', async () => {
  const big = Buffer.alloc(32 * 1024 * 1024, 'x').toString()
  answers = [say(`HTTP/1.1 200 OK\r\nContent-Length: ${big.length}\r\n\r\n${big}`), say(OK)]
  let exchange: UpstreamExchange | undefined
  const told = ask({}, (it) => {
    exchange = it
  })
  await expect.poll(() => heard).not.toBe('')
  exchange?.pause()
  await settled()
  expect([...open][0]?.writableLength).toBeGreaterThan(0)
  exchange?.resume()
  expect((await told).text).toHaveLength(4 + big.length)
  expect(await ask()).toMatchObject({ text: '200 {}' })
  expect(sockets).toHaveLength(1)
})

test.each([
  ['a path with a line end', { path: '/a\r\nx: y' }],
  ['a path with a space', { path: '/a b' }],
  ['a header with a line end', { headers: ['a', 'b\r\nc: d'] }],
  ['a name with a colon', { headers: ['a: b\r\nc', 'd'] }],
  ['a method with a space', { method: 'GET /x' }],
  ['two lengths', { headers: ['content-length', '1', 'content-length', '1'] }],
  ['another length than the body', { headers: ['content-length', '1'], body: Buffer.from('ab') }],
  ['a length without a body', { headers: ['content-length', '1'] }],
  ['chunks', { headers: ['transfer-encoding', 'chunked'], body: 'stream' as const }],
])('dispatch() refuses %s, and opens no connection', (_name, request) => {
  const nothing = () => undefined
  const handler = { onHead: nothing, onData: nothing, onEnd: nothing, onError: nothing }
  expect(() => pool.dispatch({ ...GET, ...request }, handler)).toThrow()
  expect(sockets).toEqual([])
})
