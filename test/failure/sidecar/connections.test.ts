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

describe('answerSocket() lets go of a refused upgrade', () => {
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
    caller.pause()
    caller.write(`GET ${PODS}/p/exec HTTP/1.1\r\nHost: x\r\n${UPGRADE}`)
    await expect.poll(openRequests).toBe('1')
    await expect.poll(openRequests, { timeout: 8_000 }).toBe('0')
    caller.destroy()
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

describe('handleUpgrade() refuses an upgrade before the answer to an earlier request has ended', () => {
  test('and ends both, the watch with its outcome', async () => {
    let gone = false
    fixture.api.onRequest((incoming, outgoing) => {
      incoming.socket.once('close', () => {
        gone = true
      })
      outgoing.writeHead(200).write('{"type":"ADDED"}')
    })
    const caller = await fixture.connect()
    const received = readAll(caller)
    caller.write(`GET ${PODS}?watch=1 HTTP/1.1\r\nHost: x\r\n${authorization()}\r\n`)
    await eventually('watch', () => fixture.api.requests.length === 1)
    await pause(50)
    caller.write(
      `GET ${PODS}/p/exec?command=id HTTP/1.1\r\nHost: x\r\n${authorization()}${UPGRADE}`,
    )
    await eventually('API server closed', () => gone)
    await eventually('outcomes', () => fixture.controlPlane.outcomes.length === 2)
    expect((await received).match(/HTTP\/1\.1/g)).toHaveLength(1)
    expect(fixture.controlPlane.questions[1]?.refusedBecause).toMatch(/before the answer/)
    expect(fixture.api.requests).toHaveLength(1)
    await expect.poll(openRequests).toBe('0')
  })

  test('without a token too', async () => {
    fixture.api.onRequest((_incoming, outgoing) => void outgoing.writeHead(200).write('x'))
    const caller = await fixture.connect()
    caller.write(`GET ${PODS}?watch=1 HTTP/1.1\r\nHost: x\r\n${authorization()}\r\n`)
    await eventually('watch', () => fixture.api.requests.length === 1)
    caller.write(`GET ${PODS}/p/exec HTTP/1.1\r\nHost: x\r\n${UPGRADE}xx`)
    caller.resume()
    await eventually('outcome', () => fixture.controlPlane.outcomes.length === 1)
    await expect.poll(openRequests).toBe('0')
    caller.destroy()
  })

  test('and does not let its refusal pass for the earlier answer', async () => {
    fixture.api.onRequest(() => undefined)
    const caller = await fixture.connect()
    const received = readAll(caller)
    caller.write(`PUT ${PODS}/p HTTP/1.1\r\nHost: x\r\n${authorization()}Content-Length: 0\r\n\r\n`)
    await eventually('request', () => fixture.api.requests.length === 1)
    caller.write(
      `GET ${PODS}/p/exec?command=id HTTP/1.1\r\nHost: x\r\n${authorization()}${UPGRADE}`,
    )
    expect(await received).toBe('')
    await eventually('outcomes', () => fixture.controlPlane.outcomes.length === 2)
  })

  test('when there is no free slot too', async () => {
    fixture.api.onRequest((_incoming, outgoing) => void outgoing.writeHead(200).write('x'))
    const callers = await Promise.all(Array.from({ length: OPEN_MAX }, () => fixture.connect()))
    for (const caller of callers) {
      caller.on('error', () => undefined).resume()
      caller.write(`GET ${PODS}?watch=1 HTTP/1.1\r\nHost: x\r\n${authorization()}\r\n`)
    }
    await eventually('watches', () => fixture.api.requests.length === OPEN_MAX)
    callers[0]?.write(`GET ${PODS}/p/exec HTTP/1.1\r\nHost: x\r\n${UPGRADE}xx`)
    await eventually('outcome', () => fixture.controlPlane.outcomes.length === 1)
    for (const caller of callers) caller.destroy()
  })
})

describe('answerRequest() reaches a caller that is still sending its body:', () => {
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
      const head = `POST ${PODS} HTTP/1.1\r\nHost: x\r\n${authorization()}Content-Length: ${bytes}\r\n\r\n`
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
    const head = `POST ${PODS} HTTP/1.1\r\nHost: x\r\n${authorization()}Content-Length: ${bytes}\r\n\r\n`
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

test('startServer() writes nothing into an answer that has begun when what follows is malformed', async () => {
  fixture.api.onRequest((_incoming, outgoing) => void outgoing.writeHead(200).write('x'))
  const caller = await fixture.connect()
  const received = readAll(caller)
  caller.write(`GET ${PODS}?watch=1 HTTP/1.1\r\nHost: x\r\n${authorization()}\r\n`)
  await eventually('watch', () => fixture.api.requests.length === 1)
  await pause(50)
  caller.write('nonsense\r\n\r\n')
  expect((await received).match(/HTTP\/1\.1/g)).toHaveLength(1)
  await eventually('outcome', () => fixture.controlPlane.outcomes.length === 1)
})
