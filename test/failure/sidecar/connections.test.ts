import { setTimeout as pause } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { deny } from '../../support/fake-control-plane.ts'
import {
  eventually,
  readAll,
  type SidecarFixture,
  startSidecarFixture,
} from '../../support/sidecar-fixture.ts'

/*
 * Callers that are refused, that go on sending, or that break off: each gets its answer when it can
 * have one, and no connection holds a slot for longer than seconds.
 */

const PODS = '/api/v1/namespaces/team/pods'
/** Objects whose bodies are not read before the decision, as those of pods are. */
const MAPS = '/api/v1/namespaces/team/configmaps'
const OPEN_MAX = 8
let fixture: SidecarFixture
beforeEach(async () => {
  fixture = await startSidecarFixture({ LANYARD_OPEN_REQUESTS_MAX: `${OPEN_MAX}` })
})
afterEach(() => fixture.close())

const authorization = () => `Authorization: Bearer ${fixture.token}\r\n`
const UPGRADE = 'Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n'

async function openRequests(): Promise<string | undefined> {
  const text = await fixture.metrics()
  return /^lanyard_sidecar_open_requests (\d+)$/m.exec(text)?.[1]
}

function answerHead(socket: TLSSocket): Promise<string> {
  return new Promise((resolve) => {
    socket.once('data', (chunk: Buffer) => resolve(chunk.toString('latin1')))
  })
}

describe('answerCaller() lets go of a refused upgrade', () => {
  test('whose caller sends on and breaks off', async () => {
    for (let index = 0; index < OPEN_MAX; index += 1) {
      const caller = await fixture.connect()
      caller.on('error', () => undefined)
      const head = answerHead(caller)
      caller.write(`GET ${PODS}/p/exec HTTP/1.1\r\nHost: x\r\n${UPGRADE}`)
      expect(await head).toMatch(/^HTTP\/1\.1 401 /)
      caller.write('x')
      caller.destroy()
    }
    await expect.poll(openRequests, { timeout: 6_000 }).toBe('0')
    expect((await fixture.call(PODS)).httpStatus).toBe(200)
  })

  test('whose caller neither ends nor reads', async () => {
    const caller = await fixture.connect()
    caller.on('error', () => undefined)
    caller.pause()
    caller.write(`GET ${PODS}/p/exec HTTP/1.1\r\nHost: x\r\n${UPGRADE}`)
    await expect.poll(openRequests, { timeout: 8_000 }).toBe('0')
    await pause(6_000)
    expect(await readAll(caller.resume())).toMatch(/^HTTP\/1\.1 401 /)
  })

  test('whose caller goes on sending, after it could read the answer', async () => {
    const caller = await fixture.connect()
    caller.on('error', () => undefined)
    const head = answerHead(caller)
    caller.write(`GET ${PODS}/p/exec HTTP/1.1\r\nHost: x\r\n${UPGRADE}${'x'.repeat(200_000)}`)
    const timer = setInterval(() => caller.write('x'.repeat(10_000)), 50)
    expect(await head).toMatch(/^HTTP\/1\.1 401 /)
    await expect.poll(openRequests, { timeout: 8_000 }).toBe('0')
    clearInterval(timer)
    caller.destroy()
  })
})

describe('CallerConnection looks at what is sent ahead', () => {
  const exec = (token: string) =>
    `GET ${PODS}/p/exec?command=id HTTP/1.1\r\nHost: x\r\n${token}${UPGRADE}`
  const put = () =>
    `PUT ${PODS}/p HTTP/1.1\r\nHost: x\r\n${authorization()}Content-Length: 0\r\n\r\n`

  test.each([
    ['an upgrade', () => exec(authorization()), /^HTTP\/1\.1 503 /],
    ['an upgrade without a token', () => `${exec('')}xx`, /^HTTP\/1\.1 401 /],
    ['what is not HTTP', () => 'nonsense\r\n\r\n', /^HTTP\/1\.1 400 /],
  ])('only after the answer that is open: %s', async (_name, ahead, want) => {
    const answered = Promise.withResolvers<void>()
    fixture.api.onRequest((_incoming, outgoing) => {
      void answered.promise.then(() => outgoing.writeHead(200).end('first'))
    })
    const caller = await fixture.connect()
    const received = readAll(caller)
    caller.write(put())
    await eventually('request', () => fixture.api.requests.length === 1)
    caller.write(ahead())
    await pause(100)
    expect(fixture.controlPlane.questions).toHaveLength(1)
    answered.resolve()
    const [first, second] = (await received).split(/(?=HTTP\/1\.1 )/)
    expect(first).toMatch(/^HTTP\/1\.1 200 .*first/s)
    expect(second).toMatch(want)
    await expect.poll(openRequests).toBe('0')
  })

  test('and keeps little of it while an answer is open', async () => {
    const events = setInterval(() => event(), 100)
    let event: () => void = () => undefined
    fixture.api.onRequest((_incoming, outgoing) => {
      outgoing.writeHead(200)
      event = () => void outgoing.write('x')
    })
    const caller = await fixture.connect()
    caller.on('error', () => undefined).resume()
    caller.write(`GET ${PODS}?watch=1 HTTP/1.1\r\nHost: x\r\n${authorization()}\r\n`)
    await eventually('watch', () => fixture.api.requests.length === 1)
    caller.write(Buffer.alloc(8 * 1024 * 1024, 'x'))
    await pause(500)
    expect(caller.writableLength).toBeGreaterThan(4 * 1024 * 1024)
    caller.destroy()
    // Nothing is read any more: that the caller has gone shows at the next event.
    await expect.poll(openRequests, { timeout: 5_000 }).toBe('0')
    clearInterval(events)
  })
})

describe('answerCaller() reaches a caller that is still sending its body:', () => {
  /** As clients do that write their whole body before they read: any error of a write is the end. */
  function sendThenRead(head: string, body: Buffer, piece: number): Promise<string> {
    return new Promise((resolve, reject) => {
      void fixture.connect().then(async (caller) => {
        caller.on('error', reject)
        caller.pause()
        caller.write(head)
        for (let sent = 0; sent < body.length; sent += piece) {
          const chunk = body.subarray(sent, sent + piece)
          await new Promise((done) => {
            caller.write(chunk, done)
          })
        }
        await pause(100)
        const answer = readAll(caller)
        caller.resume()
        resolve(await answer)
      })
    })
  }

  test.each([
    ['60 KB', 60_000],
    ['600 KB', 600_000],
    ['3 MB', 3_000_000],
  ])('a denied body of %s', async (_name, bytes) => {
    fixture.controlPlane.decide((_request, id) => deny(id))
    for (let turn = 0; turn < 5; turn += 1) {
      const head = `POST ${MAPS} HTTP/1.1\r\nHost: x\r\n${authorization()}Content-Length: ${bytes}\r\n\r\n`
      const answer = await sendThenRead(head, Buffer.alloc(bytes, 'x'), 16_384)
      expect(answer).toMatch(/^HTTP\/1\.1 403 /)
      expect(answer).toMatch(/connection: close/i)
      expect(answer).toContain('"code":403')
    }
    expect(fixture.api.requests).toEqual([])
  })

  test('an answer that the API server gives before it has read', async () => {
    fixture.api.onRequest((_incoming, outgoing) => void outgoing.writeHead(422).end('{"no":1}'))
    const bytes = 3_000_000
    const head = `POST ${MAPS} HTTP/1.1\r\nHost: x\r\n${authorization()}Content-Length: ${bytes}\r\n\r\n`
    const answer = await sendThenRead(head, Buffer.alloc(bytes, 'x'), 16_384)
    expect(answer).toMatch(/^HTTP\/1\.1 422 /)
  })

  test('a body that never ends is cut', async () => {
    const caller = await fixture.connect()
    caller.on('error', () => undefined)
    const answer = readAll(caller)
    caller.write('POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n')
    const timer = setInterval(() => caller.write('x'.repeat(1_000)), 20)
    const beganMs = Date.now()
    expect(await answer).toMatch(/^HTTP\/1\.1 401 /)
    clearInterval(timer)
    expect(Date.now() - beganMs).toBeLessThan(3_000)
    await expect.poll(openRequests).toBe('0')
  })
})

test('forward() takes a caller that ends its side for one that has gone, as kube-apiserver does', async () => {
  fixture.controlPlane.decide(() => undefined)
  const caller = await fixture.connect()
  caller.end(`POST ${PODS} HTTP/1.1\r\nHost: x\r\n${authorization()}Content-Length: 0\r\n\r\n`)
  await expect.poll(openRequests).toBe('0')
  expect(fixture.api.requests).toEqual([])
  caller.destroy()
})

test('forward() ends a watch whose caller ends its side', async () => {
  fixture.api.onRequest((_incoming, outgoing) => void outgoing.writeHead(200).write('x'))
  const caller = await fixture.connect()
  caller.resume()
  caller.end(`GET ${PODS}?watch=1 HTTP/1.1\r\nHost: x\r\n${authorization()}\r\n`)
  await eventually('outcome', () => fixture.controlPlane.outcomes.length === 1)
  await expect.poll(openRequests).toBe('0')
  caller.destroy()
})

test('startServer() tells a caller of the malformed request that sends on, once', async () => {
  const caller = await fixture.connect()
  const answer = readAll(caller)
  caller.write('nonsense\r\n\r\n')
  const timer = setInterval(() => caller.write('and more\r\n'), 5)
  const text = await answer
  clearInterval(timer)
  expect(text).toMatch(/^HTTP\/1\.1 400 /)
  expect(text.match(/HTTP\/1\.1 400/g)).toHaveLength(1)
  expect(await fixture.metrics()).toContain('lanyard_sidecar_malformed_requests_total 1')
})
