import type { ServerResponse } from 'node:http'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { allow, allowForeseen, type Decide, deny } from '../../support/fake-control-plane.ts'
import {
  type CallAnswer,
  type CallOptions,
  eventually,
  readAll,
  type SidecarFixture,
  startSidecarFixture,
} from '../../support/sidecar-fixture.ts'

/* Reads that are sent ahead, byte by byte: what the caller gets, and when. */

const LANE = '0123456789'
const PODS = '/api/v1/namespaces/team/pods'
type Answered = ReturnType<Decide>

let fixture: SidecarFixture

/** What the next question is answered, when the test says so. */
let answer: (answered: Answered) => void
/** Asked of the control plane since the last allow. */
let asked: Promise<string>

beforeEach(async () => {
  fixture = await startSidecarFixture({ LANYARD_DECISION_TIMEOUT_MS: '2000' }, LANE)
  const { controlPlane, api } = fixture
  api.onRequest((_incoming, outgoing) => outgoing.end('the secret'))
  controlPlane.decide((_request, id) => allowForeseen(id))
  await fixture.call(PODS)
  api.requests.length = 0
  controlPlane.questions.length = 0
  const wait = Promise.withResolvers<Answered>()
  const heard = Promise.withResolvers<string>()
  answer = (answered) => wait.resolve(answered as Awaited<Answered>)
  asked = heard.promise
  controlPlane.decide((_request, id) => {
    heard.resolve(id)
    return wait.promise as Answered
  })
})
afterEach(async () => {
  answer(undefined)
  await fixture.close()
})

/** A read that reaches the API server, whose handler holds the answer. */
async function sendAhead(
  target = PODS,
): Promise<{ readonly id: string; readonly called: Promise<CallAnswer> }> {
  const called = fixture.call(target)
  called.catch(() => undefined)
  const id = await asked
  await eventually('the API server has it', () => fixture.api.requests.length === 1)
  return { id, called }
}

/** What of a promise is there already. */
function soFar<Value>(promise: Promise<Value>): Promise<Value | 'nothing'> {
  const nothing = new Promise<'nothing'>((resolve) => setTimeout(resolve, 100, 'nothing'))
  return Promise.race([promise, nothing])
}

const outcome = (id: string) =>
  expect.poll(() => fixture.controlPlane.outcomes.find(({ decisionId }) => decisionId === id), {
    timeout: 10_000,
  })

describe('sendAhead()', () => {
  test('sends a read under the id of its record, and gives the answer after the allow', async () => {
    const { id, called } = await sendAhead()
    expect(id).toContain(LANE)
    expect(fixture.api.requests[0]?.headers['audit-id']).toBe(id)
    expect(await soFar(called)).toBe('nothing')
    answer(allow(id))
    expect(await called).toMatchObject({ httpStatus: 200, text: 'the secret' })
    await outcome(id).toMatchObject({ httpStatus: 200, withheld: false })
  })

  test('gives an answer that comes after the allow', async () => {
    let outgoing: ServerResponse | undefined
    fixture.api.onRequest((_incoming, held) => {
      outgoing = held
    })
    const { id, called } = await sendAhead()
    answer(allow(id))
    expect(await soFar(called)).toBe('nothing')
    outgoing?.end('late')
    expect(await called).toMatchObject({ httpStatus: 200, text: 'late' })
  })

  test('throws the answer away after a denial, of which the caller gets all', async () => {
    const { id, called } = await sendAhead()
    await soFar(called)
    answer(deny(id))
    const refused = await called
    expect(refused).toMatchObject({ httpStatus: 403 })
    expect(refused.text).toContain(`[decision ${id}]`)
    expect(refused.text).not.toContain('secret')
    await outcome(id).toMatchObject({ httpStatus: 403, withheld: true })
  })

  test('lets no byte of an answer through before the denial', async () => {
    const socket = await fixture.connect()
    const all = readAll(socket)
    socket.write(
      `GET ${PODS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${fixture.token}\r\nConnection: close\r\n\r\n`,
    )
    const id = await asked
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(socket.bytesRead).toBe(0)
    answer(deny(id))
    expect(await all).toMatch(/^HTTP\/1.1 403 /)
    expect(await all).not.toContain('secret')
  })

  test.each([
    ['allow', 200],
    ['deny', 403],
  ])('keeps little of a long answer until an %s', async (effect, httpStatus) => {
    const whole = Buffer.alloc(20_000_000, 'x')
    let outgoing: ServerResponse | undefined
    fixture.api.onRequest((_incoming, long) => {
      outgoing = long
      long.end(whole)
    })
    const before = process.memoryUsage().arrayBuffers
    const { id, called } = await sendAhead()
    await soFar(called)
    // What the sidecar does not read waits at the API server.
    expect(outgoing?.writableFinished).toBe(false)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(45_000_000)
    answer(effect === 'allow' ? allow(id) : deny(id))
    expect((await called).httpStatus).toBe(httpStatus)
    const bytes = httpStatus === 200 ? whole.length : 0
    expect((await called).body.length).toBeGreaterThanOrEqual(bytes)
    await outcome(id).toMatchObject({ httpStatus })
  })

  test('throws the answer away when the control plane dies, and has that on record later', async () => {
    const { id, called } = await sendAhead()
    await soFar(called)
    await fixture.controlPlane.kill()
    expect(await called).toMatchObject({ httpStatus: 503 })
    expect((await called).text).not.toContain('secret')
    fixture.controlPlane.decide((_request, own) => deny(own))
    await fixture.controlPlane.restart()
    await outcome(id).toMatchObject({ httpStatus: 503, withheld: true })
    const [late] = fixture.controlPlane.questions.slice(1)
    expect(late).toMatchObject({ decisionId: id, refusedBecause: expect.stringContaining(id) })
  })

  test('throws the answer away when no decision comes in time', async () => {
    const { id, called } = await sendAhead()
    expect(await called).toMatchObject({ httpStatus: 504 })
    fixture.controlPlane.decide((_request, own) => deny(own))
    await outcome(id).toMatchObject({ httpStatus: 504, withheld: true })
  })

  test('throws the answer away of a caller that has gone', async () => {
    const socket = await fixture.connect()
    socket.write(
      `GET ${PODS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${fixture.token}\r\n\r\n`,
    )
    const id = await asked
    socket.destroy()
    await new Promise((resolve) => setTimeout(resolve, 50))
    answer(allow(id))
    await outcome(id).toMatchObject({ httpStatus: 0, withheld: true })
  })

  test('cuts an answer whose ground is taken away', async () => {
    fixture.api.onRequest((_incoming, outgoing) => void outgoing.write('begins'))
    const { id, called } = await sendAhead()
    answer(allow(id))
    await soFar(called)
    fixture.controlPlane.revoke(id)
    await expect(called).rejects.toThrow()
    await outcome(id).toMatchObject({ fault: 'permission_denied', withheld: false })
  })

  test('tells what went wrong at the API server after the allow', async () => {
    fixture.api.onRequest((incoming) => incoming.socket.destroy())
    const { id, called } = await sendAhead()
    await soFar(called)
    answer(allow(id))
    expect((await called).httpStatus).toBeGreaterThanOrEqual(502)
    await outcome(id).toMatchObject({ fault: 'upstream_unavailable', withheld: false })
  })

  test.each<[string, string, CallOptions]>([
    ['another object', `${PODS}/other`, {}],
    ['a watch', `${PODS}?watch=true`, {}],
    ['a HEAD', PODS, { method: 'HEAD' }],
    ['a read with a body', PODS, { body: 'x' }],
    ['a read as somebody else', PODS, { headers: ['Impersonate-User', 'bob'] }],
    ['a create', PODS, { method: 'POST', body: '{}' }],
    ['what is no resource', '/version', {}],
  ])('does not send %s', async (_name, target, options) => {
    const called = fixture.call(target, options)
    called.catch(() => undefined)
    const id = await asked
    expect(id).not.toContain(LANE)
    expect(await soFar(called)).toBe('nothing')
    expect(fixture.api.requests).toEqual([])
    answer(deny(id))
    expect(await called).toMatchObject({ httpStatus: 403 })
    await outcome(id).toMatchObject({ withheld: false })
  })

  test('does not send what was allowed before a change', async () => {
    fixture.controlPlane.change()
    await new Promise((resolve) => setTimeout(resolve, 50))
    const called = fixture.call(PODS)
    expect(await asked).not.toContain(LANE)
    expect(fixture.api.requests).toEqual([])
    answer(allow(await asked))
    expect(await called).toMatchObject({ httpStatus: 200 })
  })
})
