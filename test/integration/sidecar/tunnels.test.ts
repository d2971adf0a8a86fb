import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { connect as connectPlainly } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { allow, deny } from '../../support/fake-control-plane.ts'
import {
  eventually,
  REAL_TOKEN,
  readAll,
  type SidecarFixture,
  startSidecarFixture,
} from '../../support/sidecar-fixture.ts'
import { openTunnelTo, startTunnelFixture, tunnelHead } from '../../support/tunnel-openings.ts'

let fixture: SidecarFixture
beforeEach(async () => {
  fixture = await startTunnelFixture()
})
afterEach(() => fixture.close())

const EXEC = '/api/v1/namespaces/team/pods/web/exec?command=cat&stdin=true&container=app'
const ATTACH = '/api/v1/namespaces/team/pods/web/attach?stdin=true&container=app'
const PORT_FORWARD = '/api/v1/namespaces/team/pods/web/portforward'

function websocket(target = EXEC, headers: readonly string[] = []): string {
  return tunnelHead(fixture, `GET ${target}`, [
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Protocol: v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.c2VjcmV0',
    'Sec-WebSocket-Extensions: permessage-deflate',
    ...headers,
  ])
}

function spdy(target = EXEC): string {
  return tunnelHead(fixture, `POST ${target}`, [
    'Content-Length: 0',
    'Connection: Upgrade',
    'Upgrade: SPDY/3.1',
    'X-Stream-Protocol-Version: v4.channel.k8s.io',
    'X-Stream-Protocol-Version: channel.k8s.io',
  ])
}

const SWITCHING =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Accept: accepted\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\nSet-Cookie: a=b\r\n\r\n'

/** What kube-apiserver says of a token that it does not know. */
const UNAUTHORIZED =
  '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}'

const SPDY_SWITCHING =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n' +
  'X-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n'

/** Opens a tunnel that the fake API server accepts; both ends in hand. */
function openTunnel(request = websocket(), first = ''): Promise<[TLSSocket, Duplex]> {
  return openTunnelTo(fixture, request, `${SWITCHING}${first}`)
}

/** An address of this machine that answers to no one: its process stands still and its queue is full. */
async function occupiedAddress(): Promise<{ url: string; release(): void }> {
  const program = `const s = require('node:net').createServer()
    s.listen(0, '127.0.0.1', 1, () => console.log(s.address().port))`
  const child = spawn(process.execPath, ['-e', program])
  const port = await new Promise<number>((resolve) => {
    child.stdout.once('data', (chunk: Buffer) => resolve(Number(chunk)))
  })
  child.kill('SIGSTOP')
  const fillers = Array.from({ length: 8 }, () => connectPlainly(port, '127.0.0.1'))
  for (const filler of fillers) filler.on('error', () => undefined)
  await new Promise((resolve) => {
    setTimeout(resolve, 100)
  })
  return {
    url: `https://127.0.0.1:${port}`,
    release: () => {
      for (const filler of fillers) filler.destroy()
      child.kill('SIGKILL')
    },
  }
}

function collect(socket: Duplex): () => string {
  let text = ''
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
  })
  return () => text
}

test('relayTunnel() opens a WebSocket tunnel with its own credential and no extension', async () => {
  const [caller, server] = await openTunnel()
  const received = collect(caller)
  await eventually('101', () => received().includes('\r\n\r\n'))
  expect(received().split('\r\n').slice(0, 5)).toEqual([
    'HTTP/1.1 101 Switching Protocols',
    'connection: Upgrade',
    'upgrade: websocket',
    'sec-websocket-accept: accepted',
    'sec-websocket-protocol: v5.channel.k8s.io',
  ])
  const [seen] = fixture.api.requests
  expect(seen).toMatchObject({ method: 'GET', target: EXEC })
  expect(seen?.headers).toEqual({
    host: new URL(fixture.api.url).host,
    authorization: `Bearer ${REAL_TOKEN}`,
    'audit-id': 'decision-1',
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-version': '13',
    'sec-websocket-protocol': 'v5.channel.k8s.io',
  })
  expect(fixture.controlPlane.questions[0]).toMatchObject({
    container: 'app',
    targetContainer: 'app',
    attributes: { verb: 'get', alsoVerbs: ['create'], resource: 'pods', subresource: 'exec' },
  })
  caller.destroy()
  server.destroy()
})

test('relayTunnel() opens a tunnel for a command of 60 KB', async () => {
  const target = `${EXEC}&command=${'a'.repeat(60_000)}`
  const [caller, server] = await openTunnel(websocket(target))
  expect(fixture.api.requests[0]?.target).toHaveLength(target.length)
  caller.destroy()
  server.destroy()
})

test('relayTunnel() opens a SPDY tunnel with every stream version', async () => {
  const accepted = new Promise<Duplex>((resolve) => {
    fixture.api.onUpgrade((_incoming, socket) => {
      socket.write(SPDY_SWITCHING)
      resolve(socket)
    })
  })
  const caller = await fixture.connect()
  const received = collect(caller)
  caller.write(spdy())
  const server = await accepted
  await eventually('101', () => received().includes('x-stream-protocol-version: v4.channel.k8s.io'))
  const [seen] = fixture.api.requests
  const versions = seen?.rawHeaders.filter(
    (_, index, all) => all[index - 1] === 'x-stream-protocol-version',
  )
  expect(versions).toEqual(['v4.channel.k8s.io', 'channel.k8s.io'])
  expect(seen?.headers['content-length']).toBe('0')
  expect(fixture.controlPlane.questions[0]?.attributes).toMatchObject({
    verb: 'create',
    alsoVerbs: [],
  })
  caller.destroy()
  server.destroy()
})

test('relayTunnel() passes no credential of the caller on with SPDY', async () => {
  const accepted = new Promise<Duplex>((resolve) => {
    fixture.api.onUpgrade((_incoming, socket) => {
      socket.write(SPDY_SWITCHING)
      resolve(socket)
    })
  })
  const hostile = [
    'Connection: X-Stream-Protocol-Version, Authorization',
    'X-Forwarded-For: 1.1.1.1',
    'Audit-ID: forged',
    'Cookie: a=b',
    'Sec-WebSocket-Extensions: permessage-deflate',
    'Transfer-Encoding-X: chunked',
  ].join('\r\n')
  const caller = await fixture.connect()
  caller.write(spdy().replace('Content-Length: 0', `Content-Length: 0\r\n${hostile}`))
  const server = await accepted
  expect(fixture.api.requests[0]?.rawHeaders).toEqual([
    ...['host', new URL(fixture.api.url).host, 'authorization', `Bearer ${REAL_TOKEN}`],
    ...['audit-id', 'decision-1', 'x-forwarded-for', '1.1.1.1', 'cookie', 'a=b'],
    ...['transfer-encoding-x', 'chunked', 'connection', 'Upgrade', 'upgrade', 'SPDY/3.1'],
    ...['x-stream-protocol-version', 'v4.channel.k8s.io'],
    ...['x-stream-protocol-version', 'channel.k8s.io', 'content-length', '0'],
  ])
  caller.destroy()
  server.destroy()
})

test('relayTunnel() opens none for an impersonation that was not judged', async () => {
  const caller = await fixture.connect()
  const answer = readAll(caller)
  caller.write(spdy().replace('Content-Length: 0', 'Impersonate-User: tenant'))
  expect(await answer).toMatch(/^HTTP\/1\.1 503 /)
  expect(fixture.controlPlane.questions[0]?.impersonation?.user?.username).toBe('tenant')
  expect(fixture.api.requests).toEqual([])
})

test.each([
  ['exec over WebSocket', () => websocket(), SWITCHING],
  ['attach over WebSocket', () => websocket(ATTACH), SWITCHING],
  ['exec over SPDY', () => spdy(), SPDY_SWITCHING],
  ['attach over SPDY', () => spdy(ATTACH), SPDY_SWITCHING],
  ['port-forward over SPDY', () => spdy(PORT_FORWARD), SPDY_SWITCHING],
])(
  'relayTunnel() relays %s byte for byte, both ways, and each end by itself',
  async (_name, head, answer) => {
    const up = randomBytes(2 * 1024 * 1024)
    const down = randomBytes(3 * 1024 * 1024)
    const atServer = Promise.withResolvers<Buffer>()
    fixture.api.onUpgrade((_incoming, socket, first) => {
      const chunks = [first]
      socket.write(answer)
      socket.on('data', (chunk: Buffer) => chunks.push(chunk))
      socket.on('end', () => {
        atServer.resolve(Buffer.concat(chunks))
        // Only now: the caller's end must not have ended this way.
        socket.end(down)
      })
    })
    const caller = await fixture.connect()
    const chunks: Buffer[] = []
    caller.on('data', (chunk: Buffer) => chunks.push(chunk))
    const ended = new Promise((resolve) => caller.once('end', resolve))
    caller.write(head())
    await eventually('101', () => chunks.length > 0)
    caller.end(up)
    expect((await atServer.promise).equals(up)).toBe(true)
    await ended
    const received = Buffer.concat(chunks)
    expect(received.subarray(received.indexOf('\r\n\r\n') + 4).equals(down)).toBe(true)
    await eventually('outcome', () => fixture.controlPlane.outcomes.length === 1)
    expect(fixture.controlPlane.outcomes[0]).toMatchObject({
      httpStatus: 101,
      fault: '',
      responseBytes: BigInt(down.length),
    })
  },
)

test('relayTunnel() passes on what came in the same packets as request and 101', async () => {
  const toServer = Promise.withResolvers<string>()
  fixture.api.onUpgrade((_incoming, socket, head) => {
    socket.write(`${SWITCHING}first of the server`)
    let text = head.toString()
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      toServer.resolve(text)
    })
    socket.on('end', () => socket.end())
  })
  const caller = await fixture.connect()
  const received = collect(caller)
  caller.write(`${websocket()}first of the caller`)
  expect(await toServer.promise).toBe('first of the caller')
  await eventually('head of the server', () => received().endsWith('first of the server'))
  caller.destroy()
})

test('relayTunnel() passes the end of one side on and lets the other go on', async () => {
  const [caller, server] = await openTunnel(websocket(PORT_FORWARD))
  const received = collect(caller)
  const sent = collect(server)
  let serverEnd = false
  let callerEnd = false
  server.on('end', () => {
    serverEnd = true
  })
  caller.on('end', () => {
    callerEnd = true
  })
  caller.end('last words')
  await eventually('end at the server', () => serverEnd)
  expect(sent()).toBe('last words')
  server.write('still talking')
  await eventually('bytes after the end', () => received().endsWith('still talking'))
  server.end(' and done')
  await eventually('end at the caller', () => callerEnd)
  expect(received().endsWith('still talking and done')).toBe(true)
  await eventually('outcome', () => fixture.controlPlane.outcomes.length === 1)
  expect(fixture.controlPlane.outcomes[0]).toMatchObject({
    decisionId: 'decision-1',
    httpStatus: 101,
    fault: '',
    responseBytes: 22n,
  })
})

test('relayTunnel() delivers everything when the API server closes immediately after a lot of output', async () => {
  const output = randomBytes(8 * 1024 * 1024)
  fixture.api.onUpgrade((_incoming, socket) => {
    socket.on('end', () => socket.end())
    socket.write(SWITCHING)
    socket.end(output)
  })
  const caller = await fixture.connect()
  const chunks: Buffer[] = []
  caller.write(websocket())
  caller.pause()
  setTimeout(() => caller.resume(), 300)
  caller.on('data', (chunk: Buffer) => chunks.push(chunk))
  await new Promise((resolve) => {
    caller.once('end', resolve)
  })
  caller.end()
  const received = Buffer.concat(chunks)
  expect(received.subarray(received.length - output.length).equals(output)).toBe(true)
})

test.each([
  ['100 KB', 100_000],
  ['400 KB', 400_000],
  ['2 MB', 2_000_000],
])(
  'relayTunnel() delivers %s that the API server sent before it broke off over what the caller wrote',
  async (_name, bytes) => {
    const output = randomBytes(bytes)
    fixture.api.onUpgrade((_incoming, socket) => {
      socket.write(SWITCHING)
      // Time for the kernel to hand all of it over: what is cut here is lost here, not in the tunnel.
      socket.end(output, () => setTimeout(() => socket.destroy(), 200))
    })
    const caller = await fixture.connect()
    caller.on('error', () => undefined)
    const chunks: Buffer[] = []
    caller.write(websocket())
    caller.pause()
    setTimeout(() => caller.resume(), 1_000)
    const timer = setInterval(() => caller.write('x'), 10)
    caller.on('data', (chunk: Buffer) => chunks.push(chunk))
    await new Promise((resolve) => {
      caller.once('end', resolve).once('close', resolve)
    })
    clearInterval(timer)
    caller.end()
    const received = Buffer.concat(chunks)
    expect(received.length).toBeGreaterThanOrEqual(output.length)
    expect(received.subarray(received.length - output.length).equals(output)).toBe(true)
  },
)

test('relayTunnel() holds a fast side back when the other reads slowly', async () => {
  const [caller, server] = await openTunnel()
  caller.pause()
  let sent = 0
  let full = false
  const chunk = Buffer.alloc(256 * 1024)
  while (!full && sent < 64 * 1024 * 1024) {
    sent += chunk.length
    const written = server.write(chunk)
    await new Promise((resolve) => {
      setTimeout(resolve, written ? 0 : 100)
    })
    full = server.writableLength > 1024 * 1024
  }
  expect(full).toBe(true)
  expect(sent).toBeLessThan(32 * 1024 * 1024)
  caller.destroy()
  server.destroy()
})

test.each([
  ['the caller', 0],
  ['the API server', 1],
] as const)('relayTunnel() ends both connections when %s breaks off', async (_name, index) => {
  const ends = await openTunnel()
  const other = ends[1 - index]
  await new Promise((resolve) => {
    setTimeout(resolve, 50)
  })
  let closed = false
  other?.on('close', () => {
    closed = true
  })
  other?.on('error', () => other.destroy())
  other?.on('end', () => other.end())
  other?.resume()
  ends[index].destroy()
  await eventually('the other end', () => closed)
  await eventually('outcome', () => fixture.controlPlane.outcomes.length === 1)
})

describe('relayTunnel() ends both connections after', () => {
  test.each([
    ['a refusal', 403, '{"kind":"Status"}', 403],
    ['an error', 500, 'oops', 500],
    ['a plain answer', 200, 'surprise', 200],
    ['a redirect', 302, '', 302],
    ['a refused token', 401, UNAUTHORIZED, 503],
    ['a 401 of another', 401, '{"error":"log in to the pod"}', 401],
    ['a 401 without a body', 401, '', 401],
    ['a long 401', 401, UNAUTHORIZED.padEnd(5_000), 401],
  ])('%s', async (_name, httpStatus, body, want) => {
    let closed = false
    fixture.api.onUpgrade((_incoming, socket) => {
      socket.on('end', () => {
        closed = true
        socket.end()
      })
      socket.on('data', () => {
        throw new Error('nothing may be sent after the answer')
      })
      socket.write(
        `HTTP/1.1 ${httpStatus} X\r\nContent-Length: ${body.length}\r\nLocation: https://evil.example/\r\nSet-Cookie: a=b\r\n\r\n${body}`,
      )
    })
    const caller = await fixture.connect()
    const answer = readAll(caller)
    caller.write(websocket())
    const text = await answer
    expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${want} `))
    expect([text.includes('a=b'), text.includes('https://evil.example/')]).toEqual(
      Array(2).fill(want === httpStatus),
    )
    expect(text.toLowerCase()).toContain('connection: close')
    await eventually('upstream closed', () => closed)
    await eventually('outcome', () => fixture.controlPlane.outcomes.length === 1)
    expect(fixture.controlPlane.outcomes[0]?.httpStatus).toBe(want)
  })

  test('a long answer, read slowly, which arrives whole', async () => {
    const body = randomBytes(8 * 1024 * 1024)
    fixture.api.onUpgrade((_incoming, socket) => {
      socket.on('end', () => socket.end()).resume()
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`)
      socket.write(body)
    })
    const caller = await fixture.connect()
    caller.write(websocket())
    caller.pause()
    setTimeout(() => caller.resume(), 300)
    const text = await readAll(caller)
    expect(Buffer.from(text.slice(text.indexOf('\r\n\r\n') + 4), 'latin1').equals(body)).toBe(true)
    await eventually('outcome', () => fixture.controlPlane.outcomes.length === 1)
    expect(fixture.controlPlane.outcomes[0]).toMatchObject({
      httpStatus: 200,
      fault: '',
      responseBytes: BigInt(body.length),
    })
    await eventually('upstream closed', () => fixture.api.connections.size === 0)
  })

  test('an answer that breaks off, which is cut and not ended', async () => {
    fixture.api.onUpgrade((_incoming, socket) => {
      socket.write('HTTP/1.1 403 X\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n{"kind"\r\n')
      setTimeout(() => socket.destroy(), 50)
    })
    const caller = await fixture.connect()
    const answer = readAll(caller)
    caller.write(websocket())
    expect(await answer).toMatch(/^HTTP\/1\.1 403 .*7\r\n\{"kind"\r\n$/s)
    await eventually('outcome', () => fixture.controlPlane.outcomes.length === 1)
    expect(fixture.controlPlane.outcomes[0]).toMatchObject({
      httpStatus: 403,
      fault: 'upstream_failed',
    })
  })

  test('an answer that stops in the middle, when its caller has gone', async () => {
    fixture.api.onUpgrade((_incoming, socket) => {
      socket.write('HTTP/1.1 403 X\r\nContent-Length: 9000\r\n\r\n{"kind"')
      socket.on('end', () => socket.end()).resume()
    })
    const caller = await fixture.connect()
    const received = collect(caller)
    caller.write(websocket())
    await eventually('head', () => received().includes('{"kind"'))
    caller.end()
    await eventually('upstream closed', () => fixture.api.connections.size === 0)
    await eventually('outcome', () => fixture.controlPlane.outcomes.length === 1)
  })

  test('an answer whose headers are not ASCII, which arrive as they were sent', async () => {
    const reason = Buffer.from('é: Grüße')
    fixture.api.onUpgrade((_incoming, socket) => {
      socket.write(
        Buffer.concat([
          Buffer.from('HTTP/1.1 403 X\r\nContent-Length: 0\r\nX-Reason: '),
          reason,
          Buffer.from('\r\n\r\n'),
        ]),
      )
    })
    const caller = await fixture.connect()
    const answer = readAll(caller)
    caller.write(websocket())
    expect(await answer).toContain(reason.toString('latin1'))
  })

  test('an address that takes no connection', async () => {
    const { url, release } = await occupiedAddress()
    const away = await startSidecarFixture({
      LANYARD_UPSTREAM_URL: url,
      LANYARD_UPSTREAM_HEADERS_TIMEOUT_MS: '500',
    })
    const caller = await away.connect()
    const answer = readAll(caller)
    caller.write(websocket().replace(fixture.token, away.token))
    expect(await answer).toMatch(/^HTTP\/1\.1 503 /)
    release()
    await away.close()
  })

  test('another protocol than was asked for', async () => {
    fixture.api.onUpgrade((_incoming, socket) => {
      socket.write('HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n')
    })
    const caller = await fixture.connect()
    const answer = readAll(caller)
    caller.write(websocket())
    expect(await answer).toMatch(/^HTTP\/1\.1 502 /)
  })

  test('an extension that was not offered', async () => {
    fixture.api.onUpgrade((_incoming, socket) => {
      socket.write(
        SWITCHING.replace('Set-Cookie: a=b', 'Sec-WebSocket-Extensions: permessage-deflate'),
      )
    })
    const caller = await fixture.connect()
    const answer = readAll(caller)
    caller.write(websocket())
    expect(await answer).toMatch(/^HTTP\/1\.1 502 /)
  })

  test('silence', async () => {
    fixture.api.onUpgrade(() => undefined)
    const caller = await fixture.connect()
    const answer = readAll(caller)
    caller.write(websocket())
    expect(await answer).toMatch(/^HTTP\/1\.1 503 /)
  })
})

describe('handleUpgrade() lets no request past judge():', () => {
  test('a denied exec gets the Status and nothing is sent', async () => {
    fixture.controlPlane.decide((_request, id) => deny(id))
    const caller = await fixture.connect()
    const answer = readAll(caller)
    caller.write(websocket())
    const text = await answer
    expect(text).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/)
    expect(text).toContain('"reason":"Forbidden"')
    expect(fixture.api.connections.size).toBe(0)
  })

  test('an exec without a token is 401', async () => {
    const caller = await fixture.connect()
    const answer = readAll(caller)
    caller.write(websocket().replace(fixture.token, 'x'))
    expect(await answer).toMatch(/^HTTP\/1\.1 401 /)
    expect(fixture.controlPlane.questions).toEqual([])
  })

  test.each([
    ['an ambiguous target', '/api/v1/namespaces/team/pods/web%2Fexec?command=id', []],
    ['a second Upgrade', EXEC, ['Upgrade: h2c']],
  ])('%s is 400, on record', async (_name, target, headers) => {
    const caller = await fixture.connect()
    const answer = readAll(caller)
    caller.write(websocket(target, headers))
    expect(await answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(fixture.controlPlane.questions).toHaveLength(1)
    expect(fixture.controlPlane.questions[0]?.refusedBecause).not.toBe('')
    expect(fixture.api.connections.size).toBe(0)
  })

  test('exec is forwarded only after the decision', async () => {
    const decided = Promise.withResolvers<void>()
    fixture.controlPlane.decide(async (_request, id) => {
      await decided.promise
      return allow(id)
    })
    const opening = openTunnel()
    await eventually('question', () => fixture.controlPlane.questions.length === 1)
    expect(fixture.api.requests).toEqual([])
    decided.resolve()
    const [caller, server] = await opening
    expect(fixture.api.requests).toHaveLength(1)
    caller.destroy()
    server.destroy()
  })
})
