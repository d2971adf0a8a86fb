import { status } from '@grpc/grpc-js'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Question } from '../../core/authorization/question.ts'
import { SYSTEM_CLOCK } from '../../platform/clock.ts'
import { createLogger } from '../../platform/logger.ts'
import { createMetrics } from '../../platform/metrics.ts'
import type { OutcomeReport, Revoked } from '../../proxy/judgement/authorizer.ts'
import {
  allow,
  allowForeseen,
  deny,
  type FakeControlPlane,
  startFakeControlPlane,
} from '../../test/support/fake-control-plane.ts'
import { aRequest } from '../../test/support/policy-builders.ts'
import { createSidecarMetrics } from '../sidecar-metrics.ts'
import { type AuthorizerOptions, ControlPlaneAuthorizer } from './authorizer.ts'

const LANE = '0123456789'

let controlPlane: FakeControlPlane
let authorizer: ControlPlaneAuthorizer

beforeEach(async () => {
  controlPlane = await startFakeControlPlane(LANE)
  authorizer = anAuthorizer()
})

afterEach(async () => {
  await authorizer.close()
  await controlPlane.close()
})

function anAuthorizer(parts: Partial<AuthorizerOptions> = {}): ControlPlaneAuthorizer {
  return new ControlPlaneAuthorizer({
    ...{ address: controlPlane.address, serverName: '', caPem: controlPlane.caPem },
    ...{ readToken: () => 'token', decisionTimeoutMs: 500, reconnectWaitMs: 5_000 },
    ...{ keepaliveMs: 10_000, waitingRequestsMax: 16, openRequestsMax: 2, readAhead: true },
    clock: SYSTEM_CLOCK,
    logger: createLogger({ name: 'test', level: 'error' }, { write: () => undefined }),
    metrics: createSidecarMetrics(createMetrics('sidecar', 'test')),
    ...parts,
  })
}

const asked = (name = 'a'): Question => ({
  attributes: aRequest({ verb: 'get', name }),
  ...{ container: 'app', targetContainer: '', userAgent: 'test', refusedBecause: '' },
})

const anOutcome = (decisionId: string): OutcomeReport => ({
  ...{ decisionId, httpStatus: 200, fault: '', responseBytes: 3n },
})

test('authorize() waits for the first connection, and says what was decided', async () => {
  expect(authorizer.problem()).toBe('no connection to the control plane')
  controlPlane.decide(({ attributes }, id) => (attributes?.name === 'a' ? allow(id) : deny(id)))
  expect(await authorizer.authorize(asked('a'))).toMatchObject({ effect: 'allow' })
  expect(await authorizer.authorize(asked('b'))).toMatchObject({ effect: 'deny' })
  expect([authorizer.problem(), controlPlane.enrolments]).toEqual([undefined, ['token']])
})

test('authorize() gives up on a decision that does not come, and tells what became of it if it was one', async () => {
  const { promise: late, resolve } = Promise.withResolvers<ReturnType<typeof allow>>()
  controlPlane.decide(() => late)
  await expect(authorizer.authorize(asked())).rejects.toMatchObject({ code: 'decision_timeout' })
  resolve(allow('late'))
  await vi.waitFor(() => expect(controlPlane.outcomes).toHaveLength(1))
  expect(controlPlane.outcomes[0]).toMatchObject({ decisionId: 'late', httpStatus: 504 })
})

test('authorize() refuses while too many outcomes wait for a control plane', async () => {
  await authorizer.authorize(asked())
  await controlPlane.kill()
  await vi.waitFor(() => expect(authorizer.problem()).toBeDefined())
  for (const id of ['1', '2']) authorizer.report(anOutcome(id))
  await expect(authorizer.authorize(asked())).rejects.toMatchObject({ code: 'audit_unavailable' })
  await controlPlane.restart()
  await vi.waitFor(() => expect(controlPlane.outcomes).toHaveLength(2), 5_000)
  expect(await authorizer.authorize(asked())).toMatchObject({ effect: 'allow' })
})

test('a new connection enrols again and resumes what is open, and nothing that has ended', async () => {
  const open = await authorizer.authorize(asked('a'))
  const over = await authorizer.authorize(asked('b'))
  authorizer.report(anOutcome(over.id))
  controlPlane.forgetSessions()
  controlPlane.endStreams(status.UNAVAILABLE)
  await vi.waitFor(() => expect(controlPlane.resumed).toEqual([open.id]), 5_000)
  expect(controlPlane.enrolments).toEqual(['token', 'token'])
})

test('onRevoked() is told of its own decision, also when the word came first', async () => {
  const { id } = await authorizer.authorize(asked())
  const cuts: Revoked[] = []
  controlPlane.revoke('another')
  controlPlane.revoke(id)
  const { id: next } = await authorizer.authorize(asked())
  authorizer.onRevoked(id, (revoked) => cuts.push(revoked))
  authorizer.onRevoked(next, (revoked) => cuts.push(revoked))
  await vi.waitFor(() => expect(cuts).toHaveLength(1))
  expect(cuts).toEqual([{ code: 'permission_denied', message: 'the grant has ended' }])
})

test('foresee() sends nothing ahead that was not allowed just before, or with the setting off', async () => {
  controlPlane.decide((_request, id) => allowForeseen(id))
  expect(authorizer.foresee(asked())).toBeUndefined()
  await authorizer.authorize(asked('a'))
  expect(authorizer.foresee(asked('b'))).toBeUndefined()
  const read = authorizer.foresee(asked('a'))
  expect(await read?.reply).toMatchObject({ effect: 'allow', id: read?.decisionId })
  const careful = anAuthorizer({ readAhead: false })
  await careful.authorize(asked('a'))
  expect(careful.foresee(asked('a'))).toBeUndefined()
  await careful.close()
})

test('close() tells what is left to say', async () => {
  const { id } = await authorizer.authorize(asked())
  authorizer.report(anOutcome(id))
  await authorizer.close()
  expect(controlPlane.outcomes).toMatchObject([{ decisionId: id, httpStatus: 200 }])
})
