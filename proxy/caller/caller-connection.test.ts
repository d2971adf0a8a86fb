import { once } from 'node:events'
import { connect, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { startCallerServer } from '../../test/support/caller-server.ts'
import type { CallerHandler, CallerLimits, Problem } from './caller-handler.ts'
import type { Served } from './served.ts'

let server: Server | undefined
afterEach(() => void server?.close())

const GET = 'GET /a HTTP/1.1\r\nHost: x\r\n\r\n'
const POST = 'POST /a HTTP/1.1\r\nContent-Length: 4\r\n\r\n'

/** Answers with the target, and with the body where there is one. */
function echo({ request, answer }: Served): void {
  const chunks: Buffer[] = []
  request.readBody({
    onData: (chunk) => chunks.push(chunk),
    onEnd: () => {
      answer.begin(200, ['x-target', request.target])
      answer.write(Buffer.concat([Buffer.from(`${request.method} `), ...chunks]))
      answer.end()
    },
    onLost: () => answer.destroy(),
  })
}

async function open(
  serve: (served: Served) => void,
  others: Partial<CallerHandler> = {},
  limits: Partial<CallerLimits> = {},
): Promise<Socket> {
  const running = await startCallerServer(serve, others, limits)
  server = running.server
  const socket = connect(running.port, '127.0.0.1')
  await once(socket, 'connect')
  return socket.on('error', () => undefined)
}

/** All that comes until the other side ends. */
async function heardFrom(socket: Socket): Promise<string> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(socket, 'close')
  return Buffer.concat(chunks).toString('latin1')
}

const bodies = (heard: string) => heard.match(/(?:GET|POST) (?:abcd)?(?=\r\n0)/g)

describe('CallerConnection', () => {
  test.each([
    ['one after the other', [GET, GET.replace('/a', '/b')], ['GET ', 'GET ']],
    ['in one packet', [`${GET}${POST}abcd${GET}`], ['GET ', 'POST abcd', 'GET ']],
    ['byte by byte', [...`${POST}abcd\r\n${GET}`], ['POST abcd', 'GET ']],
    [
      'with chunks',
      ['POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n', '2\r\ncd\r\n0\r\n\r\n'],
      ['POST abcd'],
    ],
  ])('serves requests that come %s, in order', async (_name, pieces, want) => {
    const socket = await open(echo)
    const heard = heardFrom(socket)
    socket.setNoDelay(true)
    for (const piece of pieces) {
      socket.write(piece)
      await new Promise((resolve) => setImmediate(resolve))
    }
    socket.write('GET /last HTTP/1.1\r\nConnection: close\r\n\r\n')
    expect(bodies(await heard)).toEqual([...want, 'GET '])
  })

  test.each([
    ['says so', 'GET /a HTTP/1.1\r\nConnection: close\r\n\r\n', {}],
    ['speaks HTTP/1.0', 'GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', {}],
    ['asked for an upgrade in vain', 'GET /a HTTP/1.1\r\nUpgrade: h2c\r\n\r\n', {}],
    ['meets a server that drains', GET, { mayStay: () => false }],
  ])('ends after the answer to a caller that %s', async (_name, request, others) => {
    const served: string[] = []
    const socket = await open((one) => {
      served.push(one.request.target)
      echo(one)
    }, others)
    const heard = heardFrom(socket)
    socket.write(`${request}${GET}`)
    expect(await heard).toMatch(/^HTTP\/1\.1 200 OK\r\n.*\r\nconnection: close\r\n/s)
    expect(served).toEqual(['/a'])
  })

  test.each<[string, string, Problem]>([
    ['a line that is no request', 'hello\r\n\r\n', 'malformed'],
    ['a second space', 'GET  /a HTTP/1.1\r\n\r\n', 'malformed'],
    ['half an empty line', `\rGET /a HTTP/1.1\r\n\r\n`, 'malformed'],
    ['another version', 'GET /a HTTP/2.0\r\n\r\n', 'malformed'],
    ['a fold', 'GET /a HTTP/1.1\r\nA: b\r\n c\r\n\r\n', 'malformed'],
    [
      'two lengths',
      'GET /a HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n',
      'malformed',
    ],
    ['a head that is too long', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\n\r\n`, 'head too long'],
    ['half a head', 'GET /a HTTP/1.1\r\n', 'late'],
    ['half a body', `${POST}ab`, 'late'],
    [
      'chunks that are none',
      'POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n',
      'malformed',
    ],
  ])('tells what is wrong with %s, once, and reads nothing after it', async (_name, text, want) => {
    const problems: Problem[] = []
    const socket = await open(echo, {
      onMalformed: (problem, answer) => {
        problems.push(problem)
        answer.begin(400, ['content-length', '0'])
        answer.end()
      },
    })
    const heard = heardFrom(socket)
    socket.write(text)
    setTimeout(() => socket.write(GET), 700)
    expect(await heard).toMatch(/^HTTP\/1\.1 400 .*connection: close\r\n\r\n$/s)
    expect(problems).toEqual([want])
  })

  test('ends a connection without a word on which nothing is asked', async () => {
    const socket = await open(echo)
    const startMs = performance.now()
    expect(await heardFrom(socket)).toBe('')
    expect(performance.now() - startMs).toBeGreaterThan(850)
  })

  test.each([
    ['ends its side', (socket: Socket) => void socket.end()],
    ['is gone', (socket: Socket) => void socket.destroy()],
  ])('tells the answer when the caller %s while it waits', async (_name, leave) => {
    const closed = Promise.withResolvers<string>()
    const socket = await open(({ answer }) => {
      answer.onClose(() => closed.resolve('closed'))
    })
    socket.write(GET)
    setTimeout(() => leave(socket), 20)
    expect(await closed.promise).toBe('closed')
  })

  test('reads nothing of a body before somebody takes it', async () => {
    const taken = Promise.withResolvers<Served>()
    const socket = await open((one) => taken.resolve(one), {}, { requestMs: 60_000 })
    socket.write(`POST /a HTTP/1.1\r\nContent-Length: ${50 * 1024 * 1024}\r\n\r\n`)
    socket.write(Buffer.alloc(50 * 1024 * 1024))
    const { request, connection } = await taken.promise
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect((connection.socket as Socket).bytesRead).toBeLessThan(1024 * 1024)
    expect(request.complete).toBe(false)
    const whole = new Promise<number>((resolve, reject) => {
      let bytes = 0
      request.readBody({
        onData: (chunk) => {
          bytes += chunk.length
        },
        onEnd: () => resolve(bytes),
        onLost: () => reject(new Error('lost')),
      })
    })
    expect(await whole).toBe(50 * 1024 * 1024)
    socket.destroy()
  })

  test('gives a tunnel what came with the request, and the caller’s own end', async () => {
    const tunnel = Promise.withResolvers<string>()
    const socket = await open(({ connection }) => {
      setTimeout(() => {
        const { socket: own, first } = connection.takeOver()
        let heard = first.toString()
        own.on('data', (chunk: Buffer) => {
          heard += chunk
        })
        own.on('end', () => {
          own.end('bye')
          tunnel.resolve(heard)
        })
        own.resume()
      }, 50)
    })
    const heard = heardFrom(socket)
    socket.write('GET /a HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nframe 1,')
    setTimeout(() => socket.end('frame 2'), 100)
    expect(await tunnel.promise).toBe('frame 1,frame 2')
    expect(await heard).toBe('bye')
  })

  test('discards what is left of a body that was answered before, and then ends', async () => {
    const socket = await open(({ answer }) => {
      answer.begin(403, ['content-length', '2'])
      answer.write(Buffer.from('no'))
      answer.end()
    })
    const heard = heardFrom(socket)
    socket.write(`POST /a HTTP/1.1\r\nContent-Length: ${1024 * 1024}\r\n\r\n`)
    setTimeout(() => socket.write(Buffer.alloc(1024 * 1024)), 20)
    expect(await heard).toMatch(/^HTTP\/1\.1 403 .*connection: close\r\n\r\nno$/s)
  })
})
