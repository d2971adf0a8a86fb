import { constants, createSecureServer, type ServerHttp2Stream } from 'node:http2'
import { type AddressInfo, connect as connectSocket } from 'node:net'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { createCertificateAuthority } from '../../platform/certificate-authority.ts'
import { SharedConnections, type SharedOptions } from './shared-connections.ts'
import type { OpeningSocket } from './upstream-connection.ts'
import type { AnswerHandler, UpstreamExchange, UpstreamRequest } from './upstream-exchange.ts'

/* What the requests of a shared connection do to each other, and what each caller then hears. */

const WATCH: UpstreamRequest = {
  ...{ method: 'GET', path: '/watch', headers: ['accept', 'a/b'], body: null, headersTimeoutMs: 0 },
}

let caPem = ''
let server: ReturnType<typeof createSecureServer>
let shared: SharedConnections
let port = 0
/** Streams in the order in which they came, and TLS connections. */
let streams: ServerHttp2Stream[] = []
let seen: string[] = []
let sockets: TLSSocket[] = []
let alone: { request: UpstreamRequest; handler: AnswerHandler }[] = []
let certificate: { cert: string; key: string }

beforeAll(async () => {
  const authority = await createCertificateAuthority({ commonName: 'api', validForMs: 3_600_000 })
  const { certificatePem, privateKeyPem } = await authority.issueServerCertificate({
    ...{ dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'], validForMs: 3_600_000 },
  })
  caPem = authority.certificatePem
  certificate = { cert: certificatePem, key: privateKeyPem }
})

async function start(settings: { maxConcurrentStreams?: number } = {}, allowHTTP1 = false) {
  server = createSecureServer({ ...certificate, settings, allowHTTP1 })
  server.on('secureConnection', (socket: TLSSocket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
  })
  server.on(
    'stream',
    (stream: ServerHttp2Stream, _headers: unknown, _flags: number, pairs: string[]) => {
      streams.push(stream)
      seen.push(pairs.join(' '))
      stream.on('error', () => undefined)
    },
  )
  await listen()
}

async function listen(): Promise<void> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  port = (server.address() as AddressInfo).port
  shared = aShare()
}

function openOffering(protocols: string[]): OpeningSocket {
  const socket = connect({ host: '127.0.0.1', port, ca: caPem, ALPNProtocols: protocols })
  return { socket, ready: 'secureConnect' }
}

function aShare(options: Partial<SharedOptions> = {}): SharedConnections {
  return new SharedConnections({
    origin: new URL(`https://127.0.0.1:${port}`),
    openSocket: () => openOffering(['h2', 'http/1.1']),
    ...{ connectTimeoutMs: 5_000, idleMsMax: 60_000, pingMs: 60_000 },
    sendAlone: (request, handler) => {
      alone.push({ request, handler })
      queueMicrotask(() => handler.onEnd())
      return QUIET
    },
    ...options,
  })
}

const QUIET: UpstreamExchange = {
  ...{ sent: true, pause() {}, resume() {}, abort() {}, write: () => true, end() {}, onDrain() {} },
}

beforeEach(async () => {
  ;[streams, seen, sockets, alone] = [[], [], [], []]
  await start()
})
afterEach(stop)

async function stop(): Promise<void> {
  shared.destroy()
  for (const socket of sockets) socket.destroy()
  sockets = []
  await new Promise<void>((resolve) => {
    server.close(() => resolve())
  })
  await expect.poll(() => shared.size).toBe(0)
}

interface Heard {
  text: string
  /** `end`, or what the error says; empty while it goes on. */
  over: string
  readonly exchange: UpstreamExchange
}

function watch(request: Partial<UpstreamRequest> = {}): Heard {
  const heard = { text: '', over: '' }
  const over = (how: string) => {
    // Told twice is told wrongly.
    heard.over += how
  }
  const exchange = shared.dispatch(
    { ...WATCH, ...request },
    {
      onHead: (httpStatus, headers) => {
        heard.text += `${httpStatus} ${headers.join(' ')} `
      },
      onData: (chunk) => {
        heard.text += chunk.toString()
      },
      onEnd: () => over('end'),
      onError: (error) => over(error.message),
    },
  )
  return Object.assign(heard, { exchange })
}

const arrived = (count: number) => expect.poll(() => streams.length).toBe(count)
const answer = (index: number, text = 'event') => {
  streams[index]?.respond({ ':status': 200, 'x-a': 'b' })
  streams[index]?.write(text)
}
const settled = () => new Promise((resolve) => setTimeout(resolve, 40))

test('dispatch() sends requests over one connection, each with its own headers and answer', async () => {
  const first = watch({ headers: ['authorization', 'Bearer a', 'x', '1', 'x', '\u00e9'] })
  const second = watch({ path: '/other?watch=1', headers: ['authorization', 'Bearer b'] })
  await arrived(2)
  expect(seen[0]).toContain('x 1')
  expect(seen[0]).toContain('authorization Bearer a')
  expect(seen[0]).toContain('x \u00e9')
  expect(seen[1]).toContain(`:authority 127.0.0.1:${port} :path /other?watch=1`)
  answer(0, 'one')
  answer(1, 'two')
  streams[1]?.end()
  await expect.poll(() => second.over).toBe('end')
  expect(first.text).toMatch(/^200 x-a b date .* one$/)
  expect(second.text).toMatch(/two$/)
  expect([first.over, sockets.length, alone.length]).toEqual(['', 1, 0])
})

test.each([
  [
    'an answer without a body',
    (stream: ServerHttp2Stream) => stream.respond({ ':status': 204 }, { endStream: true }),
  ],
  [
    'an end behind the last event',
    (stream: ServerHttp2Stream) => {
      stream.respond({})
      stream.end('x')
    },
  ],
])('dispatch() tells the end of %s', async (_name, respond) => {
  const heard = watch()
  await arrived(1)
  respond(streams[0] as ServerHttp2Stream)
  await expect.poll(() => heard.over).toBe('end')
})

/** A frame. Source: RFC 9113, section 4.1. */
function frame(type: number, flags: number, stream: number, payload: readonly number[] = []) {
  return Buffer.from([0, 0, payload.length, type, flags, 0, 0, 0, stream, ...payload])
}
const [DATA, HEADERS, RST_STREAM, SETTINGS] = [0, 1, 3, 4]
const SAY_SETTINGS = frame(SETTINGS, 0, 0)
/** `:status: 200` is number 8 of the table, and the headers end. */
const SAY_200 = frame(HEADERS, 4, 1, [0x88])
const reset = (code: number) => frame(RST_STREAM, 0, 1, [0, 0, 0, code])

/** A server of bytes, which say what Node's own does not: answers with them, and with nothing else ever. */
async function startRaw(frames: readonly Buffer[]): Promise<() => number> {
  await stop()
  let requests = 0
  const raw = createServer({ ...certificate, ALPNProtocols: ['h2'] }, (socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
    socket.write(SAY_SETTINGS)
    socket.on('data', (chunk) => {
      // Of the frames of a client these alone end their headers and their stream.
      if (
        !chunk.includes(Buffer.from([HEADERS, 0x25])) &&
        !chunk.includes(Buffer.from([HEADERS, 5]))
      )
        return
      requests += 1
      for (const bytes of frames) socket.write(bytes)
    })
  })
  server = raw as typeof server
  await listen()
  return () => requests
}

test.each([
  ['INTERNAL_ERROR', constants.NGHTTP2_INTERNAL_ERROR],
  ['CANCEL', constants.NGHTTP2_CANCEL],
  ['REFUSED_STREAM', constants.NGHTTP2_REFUSED_STREAM],
  ['ENHANCE_YOUR_CALM', constants.NGHTTP2_ENHANCE_YOUR_CALM],
])(
  'a stream that is reset by %s behind its head was cut, and is not sent again',
  async (_name, code) => {
    const requests = await startRaw([SAY_200, frame(DATA, 0, 1, [0x61]), reset(code)])
    const heard = watch()
    await expect.poll(() => heard.over).not.toBe('')
    expect(heard).toMatchObject({ text: expect.stringMatching(/^200 /), exchange: { sent: true } })
    expect(heard.over).not.toContain('end')
    expect([requests(), alone.length]).toEqual([1, 0])
  },
)

test.each([
  ['INTERNAL_ERROR', constants.NGHTTP2_INTERNAL_ERROR, 0],
  ['CANCEL', constants.NGHTTP2_CANCEL, 0],
  ['NO_ERROR', constants.NGHTTP2_NO_ERROR, 0],
  ['REFUSED_STREAM', constants.NGHTTP2_REFUSED_STREAM, 1],
])(
  'a stream that is reset by %s before its head is sent again %d times',
  async (_name, code, again) => {
    const requests = await startRaw([reset(code)])
    const heard = watch()
    await expect.poll(() => heard.over).not.toBe('')
    expect([requests(), alone.length]).toEqual([1, again])
  },
)

test('a connection whose peer is gone without a word is given up', async () => {
  await startRaw([SAY_200])
  shared = aShare({ pingMs: 40 })
  const heard = watch()
  await expect.poll(() => heard.over).toContain('does not answer')
  expect(heard.text).toContain('200')
})

test('GOAWAY loses no watch: those that were taken go on, later ones have another connection', async () => {
  const first = watch()
  await arrived(1)
  answer(0)
  streams[0]?.session?.goaway(constants.NGHTTP2_NO_ERROR, 2 ** 31 - 1)
  await settled()
  const later = watch()
  await arrived(2)
  answer(1)
  streams[0]?.end(' and more')
  await expect.poll(() => first.over).toBe('end')
  expect(first.text).toMatch(/event and more$/)
  await expect.poll(() => later.text).toMatch(/event$/)
  expect([sockets.length, alone.length]).toEqual([2, 0])
})

test('GOAWAY that leaves a stream out has it sent alone; one that it counts may have been looked at', async () => {
  const [counted, left] = [watch(), watch({ path: '/left' })]
  await arrived(2)
  streams[0]?.session?.goaway(constants.NGHTTP2_NO_ERROR, streams[0].id)
  await expect.poll(() => left.over).toBe('end')
  expect(alone.map(({ request }) => request.path)).toEqual(['/left'])
  for (const socket of sockets) socket.destroy()
  await expect.poll(() => counted.over).not.toBe('')
  expect(counted.over).not.toContain('end')
  expect(alone).toHaveLength(1)
})

test.each([
  ['a reset', (socket: TLSSocket) => void socket.destroy()],
  ['an end', (socket: TLSSocket) => void socket.end()],
])(
  'a connection that breaks by %s cuts its streams, and sends nothing again',
  async (_name, breaks) => {
    const heard = [watch(), watch()]
    await arrived(2)
    answer(0)
    await expect.poll(() => heard[0]?.text).toContain('event')
    for (const socket of sockets) breaks(socket)
    await expect.poll(() => heard.every(({ over }) => over !== '')).toBe(true)
    expect(heard.map(({ over }) => over)).not.toContain('end')
    expect(alone).toEqual([])
    watch()
    await arrived(3)
  },
)

test('abort() ends its own stream alone, at the API server too', async () => {
  const [gone, other] = [watch(), watch()]
  await arrived(2)
  answer(0)
  answer(1)
  await expect.poll(() => gone.text).toContain('event')
  gone.exchange.abort(new Error('revoked'))
  await expect.poll(() => streams[0]?.rstCode).toBe(constants.NGHTTP2_CANCEL)
  streams[1]?.end('more')
  await expect.poll(() => other.over).toBe('end')
  expect([gone.over, sockets.length]).toEqual(['', 1])
})

test('abort() of a request that waits for its connection sends nothing', async () => {
  const [gone, other] = [watch({ path: '/gone' }), watch({ path: '/other' })]
  gone.exchange.abort(new Error('gone'))
  await arrived(1)
  expect(seen[0]).toContain('/other')
  expect([gone.over, gone.exchange.sent, other.exchange.sent]).toEqual(['', false, true])
})

test('pause() holds one answer back within its window, and the others go on', async () => {
  const [slow, other] = [watch(), watch()]
  await arrived(2)
  answer(0, '')
  answer(1)
  await expect.poll(() => slow.text).toContain('200')
  slow.exchange.pause()
  const big = 'x'.repeat(4_000_000)
  streams[0]?.end(big)
  await settled()
  // What the window has not let through is still there.
  expect(streams[0]?.writableFinished).toBe(false)
  streams[1]?.end('more')
  await expect.poll(() => other.over).toBe('end')
  slow.exchange.resume()
  await expect.poll(() => slow.over).toBe('end')
  expect(slow.text.length).toBeGreaterThan(big.length)
})

test('dispatch() opens another connection when one has all the streams that it takes', async () => {
  await stop()
  await start({ maxConcurrentStreams: 2 })
  const heard = [watch(), watch()]
  await arrived(2)
  heard.push(watch(), watch())
  await arrived(4)
  expect([sockets.length, shared.size, alone.length]).toEqual([2, 2, 0])
  heard[0]?.exchange.abort(new Error('gone'))
  await settled()
  watch()
  await arrived(5)
  expect(sockets).toHaveLength(2)
})

test('dispatch() sends alone what a new connection has no room for', async () => {
  await stop()
  await start({ maxConcurrentStreams: 1 })
  const heard = [watch({ path: '/a' }), watch({ path: '/b' })]
  await expect.poll(() => heard[1]?.over).toBe('end')
  await arrived(1)
  expect(alone.map(({ request }) => request.path)).toEqual(['/b'])
})

test('dispatch() sends alone where HTTP/2 is not offered, and asks for it once', async () => {
  await stop()
  await start({}, true)
  let opened = 0
  shared = aShare({
    openSocket: () => {
      opened += 1
      return openOffering(['http/1.1'])
    },
  })
  const heard = watch()
  await expect.poll(() => heard.over).toBe('end')
  watch()
  await settled()
  expect([alone.length, opened, shared.size]).toEqual([2, 1, 0])
})

test.each([
  ['a body', { method: 'POST', body: Buffer.from('{}') }],
  ['a body that comes', { body: 'stream' as const }],
  ['a time for its head', { headersTimeoutMs: 1_000 }],
  ['a long head', { headers: ['cookie', 'x'.repeat(20_000)] }],
])('dispatch() sends alone what has %s', async (_name, request) => {
  watch(request)
  expect([alone.length, shared.size]).toEqual([1, 0])
})

test.each([
  ['a path with a line end', { path: '/a\r\nx: y' }],
  ['a header with a line end', { headers: ['a', 'b\r\nc: d'] }],
  ['a name with a colon', { headers: [':path', '/other'] }],
])('dispatch() refuses %s, and opens no connection', (_name, request) => {
  expect(() => watch(request)).toThrow()
  expect([alone.length, shared.size]).toEqual([0, 0])
})

test('dispatch() sends nothing when it cannot connect', async () => {
  shared = aShare({
    openSocket: () => ({ socket: connectSocket(1, '127.0.0.1'), ready: 'connect' }),
  })
  const heard = watch()
  await expect.poll(() => heard.over).toContain('ECONNREFUSED')
  expect([heard.exchange.sent, alone.length]).toEqual([false, 0])
})

test('dispatch() gives up a connection that is not made in time', async () => {
  shared = aShare({
    openSocket: () => ({ socket: connectSocket(port, '127.0.0.1'), ready: 'secureConnect' }),
    connectTimeoutMs: 20,
  })
  const heard = watch()
  await expect.poll(() => heard.over).toContain('in time')
  expect(heard.exchange.sent).toBe(false)
})

test('a connection whose peer answers pings stays', async () => {
  shared = aShare({ pingMs: 20 })
  const heard = watch()
  await arrived(1)
  for (let times = 0; times < 4; times += 1) await settled()
  expect([heard.over, shared.size]).toEqual(['', 1])
})

test('a connection without a stream is closed after its time', async () => {
  shared = aShare({ pingMs: 20, idleMsMax: 30 })
  const heard = watch()
  await arrived(1)
  streams[0]?.respond({}, { endStream: true })
  await expect.poll(() => heard.over).toBe('end')
  await expect.poll(() => shared.size).toBe(0)
})

test('retire() lets what runs end, and closes the connection then', async () => {
  const heard = watch()
  await arrived(1)
  answer(0)
  shared.retire()
  await settled()
  expect([heard.over, shared.size]).toEqual(['', 1])
  streams[0]?.end('more')
  await expect.poll(() => heard.over).toBe('end')
  await expect.poll(() => shared.size).toBe(0)
})

test('destroy() cuts what runs, which is no end', async () => {
  const heard = watch()
  await arrived(1)
  answer(0)
  await expect.poll(() => heard.text).toContain('event')
  shared.destroy()
  await expect.poll(() => heard.over).toContain('closed')
})
