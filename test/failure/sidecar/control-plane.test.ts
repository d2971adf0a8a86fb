import { setTimeout as pause } from 'node:timers/promises'
import { status } from '@grpc/grpc-js'
import { afterEach, describe, expect, test } from 'vitest'
import { allow } from '../../support/fake-control-plane.ts'
import {
  eventually,
  type SidecarFixture,
  startSidecarFixture,
} from '../../support/sidecar-fixture.ts'

/*
 * The control plane refuses, times out, half-answers, lies, goes away and comes back. Whatever it
 * does, no request passes undecided, the caller gets a Status that says what to do, and no one has
 * to restart anything.
 */

const PODS = '/api/v1/namespaces/team/pods'
const EFFECT_ALLOW = 2
let fixture: SidecarFixture
afterEach(() => fixture.close())

async function expectRefused(httpStatus: number, code: string): Promise<void> {
  const answer = await fixture.call(PODS)
  const body = JSON.parse(answer.text) as { details: object }
  expect([answer.httpStatus, body]).toMatchObject([
    httpStatus,
    { kind: 'Status', status: 'Failure', code: httpStatus, details: { retryAfterSeconds: 2 } },
  ])
  expect(body.details).toMatchObject({ causes: [{ field: 'code', message: code }] })
  expect(answer.headers['retry-after']).toBe('2')
  expect(fixture.api.requests).toEqual([])
}

async function expectServed(): Promise<void> {
  const deadlineMs = Date.now() + 10_000
  let last = 0
  while (last !== 200 && Date.now() < deadlineMs) {
    last = (await fixture.call(PODS)).httpStatus
    await pause(20)
  }
  expect(last).toBe(200)
  expect((await fixture.health('/readyz')).httpStatus).toBe(200)
}

const ALLOWED = { case: 'decision', value: { decisionId: 'd', effect: EFFECT_ALLOW } } as const
const ALLOWED_ONE = { correlation: 1, message: ALLOWED }

function batchOf(...messages: readonly object[]) {
  return { case: 'batch', value: { messages } } as const
}

test('an allow in a batch is one', async () => {
  fixture = await startSidecarFixture()
  fixture.controlPlane.decide(() => batchOf(ALLOWED_ONE) as never)
  expect((await fixture.call(PODS)).httpStatus).toBe(200)
  expect(fixture.api.requests[0]?.headers['audit-id']).toBe('d')
})

describe('an answer that is not plainly an allow is refused:', () => {
  test.each([
    ['the empty message', Buffer.alloc(0)],
    ['a decision without anything', { case: 'decision', value: {} }],
    ['an allow without a record', { case: 'decision', value: { effect: EFFECT_ALLOW } }],
    ['the zero effect', { case: 'decision', value: { decisionId: 'd' } }],
    ['an effect of a later version', { case: 'decision', value: { decisionId: 'd', effect: 9 } }],
    ['an id that is a header', { case: 'decision', value: { decisionId: 'a\r\nb: c', effect: 2 } }],
    ['a batch with nothing in it', { case: 'batch', value: { messages: [] } }],
    ['an allow in a batch, for another question', batchOf({ correlation: 77, message: ALLOWED })],
    ['an allow in a batch in a batch', batchOf({ correlation: 1, message: batchOf(ALLOWED_ONE) })],
    ['a failure', { case: 'failure', value: { code: 'decision_unavailable', message: 'x' } }],
    ['a failure of an unknown kind', { case: 'failure', value: { code: 'allow', message: '' } }],
  ] as const)('%s', async (_name, answer) => {
    fixture = await startSidecarFixture({ LANYARD_DECISION_TIMEOUT_MS: '1000' })
    fixture.controlPlane.decide(() => answer as never)
    const { httpStatus } = await fixture.call(PODS)
    expect([503, 504]).toContain(httpStatus)
    expect(fixture.api.requests).toEqual([])
  })

  test('an outcome that this build does not know', async () => {
    fixture = await startSidecarFixture()
    fixture.controlPlane.decide((request) => {
      // Field 15 of the oneof's message: correlation 1, then an unknown length-delimited field.
      expect(request.container).toBe('app')
      return Buffer.from([0x08, 0x01, 0x7a, 0x02, 0x08, 0x02])
    })
    await expectRefused(503, 'decision_unavailable')
  })

  test('an allow for another question', async () => {
    fixture = await startSidecarFixture({ LANYARD_DECISION_TIMEOUT_MS: '300' })
    fixture.controlPlane.decide(() =>
      // Correlation 77, decision { id "d", effect ALLOW }.
      Buffer.from([0x08, 0x4d, 0x12, 0x05, 0x0a, 0x01, 0x64, 0x10, 0x02]),
    )
    await expectRefused(504, 'decision_timeout')
  })

  test('bytes that are no message', async () => {
    fixture = await startSidecarFixture()
    fixture.controlPlane.decide(() => Buffer.from([0xff, 0xff, 0xff]))
    await expectRefused(503, 'decision_unavailable')
    fixture.controlPlane.decide((_request, id) => allow(id))
    await expectServed()
  })
})

test.each([
  ['audit_unavailable', 503],
  ['overloaded', 429],
  ['decision_timeout', 504],
])('a control plane that fails with %s is told to the caller as %i', async (code, httpStatus) => {
  fixture = await startSidecarFixture()
  fixture.controlPlane.decide(() => ({ case: 'failure', value: { code, message: 'not now' } }))
  await expectRefused(httpStatus, code)
})

test('a pod that nobody is on record for is 403, and kubectl will not retry', async () => {
  fixture = await startSidecarFixture()
  fixture.controlPlane.decide(() => ({
    case: 'failure',
    value: { code: 'chain_unknown', message: 'Nobody is on record for this pod' },
  }))
  const answer = await fixture.call(PODS)
  expect(answer.httpStatus).toBe(403)
  expect(answer.headers['retry-after']).toBeUndefined()
})

test('a slow control plane is 504, and a late decision is closed as never sent', async () => {
  fixture = await startSidecarFixture({ LANYARD_DECISION_TIMEOUT_MS: '200' })
  fixture.controlPlane.decide(async (_request, id) => {
    await pause(400)
    return allow(id)
  })
  await expectRefused(504, 'decision_timeout')
  await eventually('outcome', () => fixture.controlPlane.outcomes.length === 1)
  expect(fixture.controlPlane.outcomes[0]).toMatchObject({
    decisionId: 'decision-1',
    httpStatus: 504,
    fault: 'decision_timeout',
  })
  fixture.controlPlane.decide((_request, id) => allow(id))
  await expectServed()
})

test('a control plane that never was there: callers are refused, the pod starts, then is served', async () => {
  fixture = await startSidecarFixture({ LANYARD_RECONNECT_WAIT_MS: '200' })
  await fixture.controlPlane.kill()
  await fixture.restart()
  expect((await fixture.health('/startupz')).httpStatus).toBe(200)
  expect((await fixture.health('/livez')).httpStatus).toBe(200)
  expect(await fixture.health('/readyz')).toMatchObject({
    httpStatus: 503,
    text: expect.stringContaining('no connection to the control plane'),
  })
  await expectRefused(503, 'decision_unavailable')
  await fixture.controlPlane.restart()
  await expectServed()
})

test('a control plane killed while requests wait: they are refused immediately, then all recovers', async () => {
  fixture = await startSidecarFixture({ LANYARD_RECONNECT_WAIT_MS: '200' })
  await fixture.call(PODS)
  fixture.api.requests.length = 0
  fixture.controlPlane.decide(() => undefined)
  const waiting = [fixture.call(PODS), fixture.call(PODS)]
  await eventually('questions', () => fixture.controlPlane.questions.length === 3)
  const startMs = Date.now()
  await fixture.controlPlane.kill()
  for (const { httpStatus } of await Promise.all(waiting)) expect(httpStatus).toBe(503)
  expect(Date.now() - startMs).toBeLessThan(1_000)
  await expectRefused(503, 'decision_unavailable')
  expect((await fixture.health('/readyz')).httpStatus).toBe(503)
  fixture.controlPlane.decide((_request, id) => allow(id))
  await fixture.controlPlane.restart()
  await expectServed()
  expect(fixture.controlPlane.enrolments.length).toBeGreaterThan(1)
})

test('a network that swallows everything is noticed within seconds, and recovers', async () => {
  fixture = await startSidecarFixture({
    LANYARD_KEEPALIVE_MS: '500',
    LANYARD_RECONNECT_WAIT_MS: '200',
    LANYARD_DECISION_TIMEOUT_MS: '500',
  })
  await fixture.call(PODS)
  fixture.api.requests.length = 0
  fixture.controlPlane.blackhole(true)
  await expectRefused(504, 'decision_timeout')
  const deadlineMs = Date.now() + 5_000
  let ready = 200
  while (ready === 200 && Date.now() < deadlineMs) {
    await pause(50)
    ready = (await fixture.health('/readyz')).httpStatus
  }
  expect(ready).toBe(503)
  await expectRefused(503, 'decision_unavailable')
  fixture.controlPlane.blackhole(false)
  await expectServed()
})

test('a restarted control plane that forgot the session: the sidecar enrols again', async () => {
  fixture = await startSidecarFixture()
  await fixture.call(PODS)
  fixture.controlPlane.forgetSessions()
  fixture.controlPlane.endStreams(status.UNAUTHENTICATED)
  await expectServed()
  expect(fixture.controlPlane.enrolments).toHaveLength(2)
  expect(fixture.controlPlane.sessions).toEqual(['session-1', 'session-2'])
})

test('a stream that ends is opened again with the same session', async () => {
  fixture = await startSidecarFixture()
  await fixture.call(PODS)
  fixture.controlPlane.endStreams(status.UNAVAILABLE)
  await expectServed()
  expect(fixture.controlPlane.enrolments).toHaveLength(1)
  expect(fixture.controlPlane.sessions).toEqual(['session-1', 'session-1'])
})

test('a refused enrolment keeps everything refused and is tried again', async () => {
  fixture = await startSidecarFixture({ LANYARD_RECONNECT_WAIT_MS: '200' })
  fixture.controlPlane.setSessionMs(0)
  fixture.controlPlane.forgetSessions()
  fixture.controlPlane.endStreams(status.UNAUTHENTICATED)
  await eventually('second enrolment', () => fixture.controlPlane.enrolments.length > 1)
  await expectRefused(503, 'decision_unavailable')
  await fixture.writeFile('control-plane-token', 'a-newer-token')
  fixture.controlPlane.setSessionMs(60_000)
  await expectServed()
  expect(fixture.controlPlane.enrolments.at(-1)).toBe('a-newer-token')
  expect(await fixture.metrics()).toContain('lanyard_sidecar_enrolments_total{result="failed"}')
})

test('a session is renewed before it ends, without a refused request, and open watches move over', async () => {
  fixture = await startSidecarFixture()
  fixture.controlPlane.setSessionMs(1_000)
  await fixture.restart()
  fixture.api.onRequest((incoming, outgoing) => {
    outgoing.writeHead(200)
    outgoing.write('x')
    if (!(incoming.url ?? '').includes('watch')) outgoing.end()
  })
  const watch = await fixture.connect()
  let cut = false
  watch.on('end', () => {
    cut = true
  })
  watch.write(
    `GET ${PODS}?watch=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${fixture.token}\r\n\r\n`,
  )
  await new Promise((resolve) => {
    watch.once('data', resolve)
  })
  const watchId = `decision-${fixture.controlPlane.questions.length}`
  const statuses = new Set<number>()
  const untilMs = Date.now() + 2_500
  while (Date.now() < untilMs) {
    statuses.add((await fixture.call(PODS)).httpStatus)
    await pause(10)
  }
  expect([...statuses]).toEqual([200])
  expect(fixture.controlPlane.sessions.length).toBeGreaterThan(2)
  expect(fixture.controlPlane.resumed).toContain(watchId)
  expect(cut).toBe(false)
  fixture.controlPlane.revoke(watchId)
  await eventually('watch cut over the new stream', () => cut, 2_000)
  watch.destroy()
})

test('a decision that was under way during a renewal is handed over, and can be revoked', async () => {
  fixture = await startSidecarFixture()
  fixture.controlPlane.setSessionMs(1_000)
  await fixture.restart()
  const decided = Promise.withResolvers<void>()
  fixture.controlPlane.decide(async (_request, id) => {
    await decided.promise
    return allow(id)
  })
  fixture.api.onRequest((_incoming, outgoing) => void outgoing.writeHead(200).write('x'))
  const watch = await fixture.connect()
  let cut = false
  watch.on('end', () => {
    cut = true
  })
  // A revocation before the answer has begun is answered with a refusal, on a connection that stays.
  const begun = new Promise((resolve) => {
    watch.once('data', resolve)
  })
  const sessions = fixture.controlPlane.sessions.length
  watch.write(
    `GET ${PODS}?watch=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${fixture.token}\r\n\r\n`,
  )
  await eventually('question', () => fixture.controlPlane.questions.length === 1)
  fixture.controlPlane.setSessionMs(3_600_000)
  await eventually('renewal', () => fixture.controlPlane.sessions.length > sessions)
  expect(fixture.controlPlane.resumed).toEqual([])
  decided.resolve()
  await eventually('handed over', () => fixture.controlPlane.resumed.includes('decision-1'), 1_000)
  await begun
  fixture.controlPlane.revoke('decision-1')
  await eventually('watch cut', () => cut, 2_000)
  watch.destroy()
})

test('a request that waits while attempts to connect fail is served by the one that does not', async () => {
  fixture = await startSidecarFixture({ LANYARD_RECONNECT_WAIT_MS: '8000' })
  await fixture.controlPlane.kill()
  await fixture.restart()
  fixture.controlPlane.setSessionMs(0)
  const before = fixture.controlPlane.enrolments.length
  const waiting = fixture.call(PODS)
  await fixture.controlPlane.restart()
  await eventually('failed enrolments', () => fixture.controlPlane.enrolments.length > before + 1)
  fixture.controlPlane.setSessionMs(3_600_000)
  expect((await waiting).httpStatus).toBe(200)
})

test('an open watch outlives the control plane, and its successor can revoke it', async () => {
  fixture = await startSidecarFixture()
  fixture.api.onRequest((_incoming, outgoing) => {
    outgoing.writeHead(200)
    outgoing.write('x')
  })
  const watch = await fixture.connect()
  let cut = false
  watch.on('end', () => {
    cut = true
  })
  watch.write(
    `GET ${PODS}?watch=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${fixture.token}\r\n\r\n`,
  )
  await new Promise((resolve) => {
    watch.once('data', resolve)
  })
  await fixture.controlPlane.kill()
  await pause(300)
  expect(cut).toBe(false)
  await fixture.controlPlane.restart()
  await eventually('resumed', () => fixture.controlPlane.resumed.length === 1)
  fixture.controlPlane.revoke('decision-1')
  await eventually('watch cut', () => cut, 2_000)
  watch.destroy()
})

test('outcomes of requests that end while the control plane is away arrive when it is back', async () => {
  fixture = await startSidecarFixture()
  const release = Promise.withResolvers<void>()
  fixture.api.onRequest((_incoming, outgoing) => {
    void release.promise.then(() => outgoing.writeHead(200).end('{}'))
  })
  const answers = [fixture.call(PODS), fixture.call(PODS), fixture.call(PODS)]
  await eventually('forwarded', () => fixture.api.requests.length === 3)
  await fixture.controlPlane.kill()
  release.resolve()
  for (const { httpStatus } of await Promise.all(answers)) expect(httpStatus).toBe(200)
  expect(fixture.controlPlane.outcomes).toEqual([])
  await fixture.controlPlane.restart()
  await eventually('outcomes', () => fixture.controlPlane.outcomes.length === 3)
  const ids = fixture.controlPlane.outcomes.map(({ decisionId }) => decisionId)
  expect(ids.sort()).toEqual(['decision-1', 'decision-2', 'decision-3'])
})

test('too many waiting requests are 429, and the others are served', async () => {
  fixture = await startSidecarFixture({ LANYARD_WAITING_REQUESTS_MAX: '2' })
  const decided = Promise.withResolvers<void>()
  fixture.controlPlane.decide(async (_request, id) => {
    await decided.promise
    return allow(id)
  })
  const waiting = [fixture.call(PODS), fixture.call(PODS)]
  await eventually('questions', () => fixture.controlPlane.questions.length === 2)
  await expectRefused(429, 'overloaded')
  decided.resolve()
  for (const { httpStatus } of await Promise.all(waiting)) expect(httpStatus).toBe(200)
})

test('too many open requests are 429, upgrades too', async () => {
  fixture = await startSidecarFixture({ LANYARD_OPEN_REQUESTS_MAX: '1' })
  fixture.api.onRequest((_incoming, outgoing) => {
    outgoing.writeHead(200)
    outgoing.write('x')
  })
  const watch = await fixture.connect()
  watch.write(
    `GET ${PODS}?watch=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${fixture.token}\r\n\r\n`,
  )
  await new Promise((resolve) => {
    watch.once('data', resolve)
  })
  fixture.api.requests.length = 0
  await expectRefused(429, 'overloaded')
  const tunnel = await fixture.connect()
  tunnel.write(
    `GET ${PODS}/p/exec HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${fixture.token}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
  )
  const first = await new Promise<Buffer>((resolve) => {
    tunnel.once('data', resolve)
  })
  expect(first.toString()).toMatch(/^HTTP\/1\.1 429 /)
  watch.destroy()
  tunnel.destroy()
})

test('when outcomes cannot be kept any more, no request passes: 503 audit_unavailable', async () => {
  fixture = await startSidecarFixture({
    LANYARD_OPEN_REQUESTS_MAX: '2',
    LANYARD_RECONNECT_WAIT_MS: '0',
  })
  const release = Promise.withResolvers<void>()
  fixture.api.onRequest((_incoming, outgoing) => {
    void release.promise.then(() => outgoing.writeHead(200).end('{}'))
  })
  const answers = [fixture.call(PODS), fixture.call(PODS)]
  await eventually('forwarded', () => fixture.api.requests.length === 2)
  await fixture.controlPlane.kill()
  release.resolve()
  await Promise.all(answers)
  fixture.api.requests.length = 0
  await eventually('outcomes kept', () => true)
  await expectRefused(503, 'audit_unavailable')
})

test('a refusal of our own is 400 with and without a control plane to record it', async () => {
  fixture = await startSidecarFixture({ LANYARD_RECONNECT_WAIT_MS: '50' })
  await fixture.controlPlane.kill()
  const { httpStatus, text } = await fixture.call('/api/v1//pods')
  expect(httpStatus).toBe(400)
  expect(text).not.toContain('[decision')
  expect(fixture.logLines.join('')).toContain('Refused without a record')
  expect(await fixture.metrics()).toContain('lanyard_sidecar_unrecorded_refusals_total 1')
})

test('controlPlaneName is the name that counts, whatever the address is', async () => {
  fixture = await startSidecarFixture({ LANYARD_CONTROL_PLANE_NAME: 'localhost' })
  expect(fixture.controlPlane.address).toMatch(/^127\.0\.0\.1:/)
  await expectServed()
})

test('controlPlaneName refuses a control plane that has a certificate for its address alone', async () => {
  fixture = await startSidecarFixture({
    LANYARD_CONTROL_PLANE_NAME: 'lanyard-control-plane.lanyard-system.svc',
    LANYARD_RECONNECT_WAIT_MS: '300',
  })
  await expectRefused(503, 'decision_unavailable')
  expect(fixture.controlPlane.sessions).toEqual([])
})

test('a control plane of an unknown wire version gets no question, and callers are told both versions', async () => {
  fixture = await startSidecarFixture({ LANYARD_RECONNECT_WAIT_MS: '500' })
  fixture.controlPlane.setWireVersion(7)
  await fixture.controlPlane.kill()
  await fixture.controlPlane.restart()
  const { controlPlane } = fixture
  await expect.poll(() => controlPlane.enrolments.length, { timeout: 10_000 }).toBeGreaterThan(1)
  await expect
    .poll(async () => (await fixture.call(PODS)).text, { timeout: 10_000 })
    .toMatch(
      /control plane \(9\.0\.0\) speaks version 7 of the protocol, and the sidecar \(.*\) version 1/,
    )
  await expectRefused(503, 'decision_unavailable')
  expect((await fixture.health('/readyz')).text).toContain('speaks version 7')
  controlPlane.setWireVersion(1)
  await expectServed()
})
