import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  eventually,
  REAL_TOKEN,
  type SidecarFixture,
  startSidecarFixture,
} from '../../support/sidecar-fixture.ts'
import { createTestAuthority } from '../../support/test-certificates.ts'

/*
 * The API server goes away, breaks off, or no longer takes the pod's token. Callers get a Status that
 * says whether to try again, and whatever was decided has an outcome.
 */

const PODS = '/api/v1/namespaces/team/pods'
/** What kube-apiserver says of a token that it does not know. */
const UNAUTHORIZED =
  '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}'
let fixture: SidecarFixture
beforeEach(async () => {
  fixture = await startSidecarFixture()
})
afterEach(() => fixture.close())

const httpStatus = async () => (await fixture.call(PODS)).httpStatus
const readiness = async () => (await fixture.health('/readyz')).httpStatus

async function expectStatus(expected: number, code: string, says: RegExp): Promise<void> {
  const answer = await fixture.call(PODS)
  expect(answer.httpStatus).toBe(expected)
  expect(JSON.parse(answer.text)).toMatchObject({
    kind: 'Status',
    status: 'Failure',
    code: expected,
    message: expect.stringMatching(says),
    details: { causes: [{ reason: 'LanyardFault', field: 'code', message: code }] },
  })
}

async function outcomeOf(question: number) {
  const id = `decision-${question}`
  const found = () => fixture.controlPlane.outcomes.find(({ decisionId }) => decisionId === id)
  await eventually('outcome', () => found() !== undefined)
  return found()
}

test('an expired token of the pod is a 503, not a 401, until its file has a newer one', async () => {
  fixture.api.onRequest((incoming, outgoing) => {
    const fresh = incoming.headers.authorization === 'Bearer a-newer-token'
    outgoing
      .writeHead(fresh ? 200 : 401, { 'content-type': 'application/json' })
      .end(fresh ? '{}' : UNAUTHORIZED)
  })
  await expectStatus(503, 'upstream_unavailable', /own token.*try again/)
  expect(await outcomeOf(1)).toMatchObject({ httpStatus: 503, fault: 'upstream_unavailable' })
  expect(fixture.api.requests[0]?.headers.authorization).toBe(`Bearer ${REAL_TOKEN}`)
  await fixture.writeFile('api-token', 'a-newer-token')
  await expect.poll(httpStatus).toBe(200)
})

test('a token file that is gone makes the sidecar not ready, and a new one ready again', async () => {
  await rm(join(fixture.directory, 'api-token'))
  await expect.poll(readiness).toBe(503)
  expect((await fixture.health('/readyz')).text).toContain('credential of the pod')
  await fixture.writeFile('api-token', 'a-newer-token')
  await expect.poll(readiness).toBe(200)
  expect((await fixture.call(PODS)).httpStatus).toBe(200)
  expect(fixture.api.requests.at(-1)?.headers.authorization).toBe('Bearer a-newer-token')
})

test('an API server with another authority is 503 until its file has that one too, without a restart', async () => {
  expect((await fixture.call(PODS)).httpStatus).toBe(200)
  const caPem = await fixture.api.replaceAuthority()
  for (const socket of fixture.api.connections) socket.destroy()
  await expect.poll(httpStatus).toBe(503)
  expect(fixture.logLines.join('')).toMatch(/self.signed|unable to verify|certificate/i)
  await fixture.writeFile('api-ca', caPem)
  await expect.poll(httpStatus).toBe(200)
})

test('a CA by value is the one that counts, whatever a file says', async () => {
  await fixture.close()
  const { certificatePem } = await createTestAuthority('other')
  fixture = await startSidecarFixture({ LANYARD_API_CA: certificatePem })
  // The file has the authority that the API server does lead to.
  await expectStatus(503, 'upstream_unavailable', /API server/)
  expect(fixture.api.requests).toEqual([])
})

test('an API server that drops connections is 503, and serves again when it is back', async () => {
  fixture.api.onConnection((socket) => socket.destroy())
  for (const socket of fixture.api.connections) socket.destroy()
  await expectStatus(503, 'upstream_unavailable', /API server/)
  expect(await outcomeOf(1)).toMatchObject({ httpStatus: 503, fault: 'upstream_unavailable' })
  fixture.api.onConnection(undefined)
  await expect.poll(httpStatus).toBe(200)
})

test('a request that may have been carried out is not called safe to repeat', async () => {
  fixture.api.onRequest((incoming) => void incoming.on('end', () => incoming.socket.destroy()))
  const answer = await fixture.call(PODS, { method: 'POST', body: '{}' })
  expect(answer.httpStatus).toBe(502)
  expect(answer.text).toContain('may have been carried out')
  expect(await outcomeOf(1)).toMatchObject({ httpStatus: 502, fault: 'upstream_failed' })
})

test('an answer that breaks off reaches the caller as broken, and is on record so', async () => {
  fixture.api.onRequest((incoming, outgoing) => {
    outgoing.writeHead(200, { 'content-type': 'application/json' })
    outgoing.write('{"items":[')
    setTimeout(() => incoming.socket.destroy(), 50)
  })
  await expect(fixture.call(PODS)).rejects.toThrow(/aborted|hang up|ECONNRESET/)
  expect(await outcomeOf(1)).toMatchObject({ httpStatus: 200, fault: expect.stringMatching(/./) })
})
