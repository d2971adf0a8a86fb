import Sqlite from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { decisionIdTimeMs } from '../../../core/audit/decision-id.ts'
import type { Question } from '../../../core/authorization/question.ts'
import type { RequestAttributes } from '../../../core/kubernetes/request-attributes.ts'
import { serviceAccountUser } from '../../../core/kubernetes/user-info.ts'
import { POD_UID_EXTRA } from '../../../core/names.ts'
import { SYSTEM_CLOCK } from '../../../platform/clock.ts'
import { createLogger } from '../../../platform/logger.ts'
import { createMetrics } from '../../../platform/metrics.ts'
import type { ForeseenRead } from '../../../proxy/judgement/authorizer.ts'
import { ControlPlaneAuthorizer } from '../../../sidecar/authorizer/authorizer.ts'
import { createSidecarMetrics } from '../../../sidecar/sidecar-metrics.ts'
import {
  type ControlPlaneFixture,
  startControlPlaneFixture,
} from '../../support/control-plane-fixture.ts'
import { aRequest } from '../../support/policy-builders.ts'
import { readLog } from '../../support/read-log.ts'
import { AGENT, aBinding } from '../../support/record-builders.ts'
import { startRelay } from '../../support/start-relay.ts'

/* The sidecar's half and the control plane's, on real sockets: whatever happens between the two, what was sent is on record. */

let controlPlane: ControlPlaneFixture
let relay: Awaited<ReturnType<typeof startRelay>>
let metrics: ReturnType<typeof createMetrics>
let authorizer: ControlPlaneAuthorizer

beforeEach(async () => {
  controlPlane = await startControlPlaneFixture()
  await controlPlane.store.bindings.record(aBinding([AGENT]))
  const account = serviceAccountUser(AGENT.namespace, AGENT.serviceAccount)
  controlPlane.tokens.set('pod', { ...account, extra: { [POD_UID_EXTRA]: [AGENT.podUid] } })
  relay = await startRelay(() => Number(controlPlane.address.split(':')[1]))
  authorizer = startAuthorizer()
})
afterEach(async () => {
  await authorizer.close()
  await relay.close()
  await controlPlane.close()
})

function startAuthorizer(parts: { readonly readAhead?: boolean } = {}): ControlPlaneAuthorizer {
  metrics = createMetrics('sidecar', 'test')
  return new ControlPlaneAuthorizer({
    ...{ address: `localhost:${relay.port}`, caPem: controlPlane.caPem, readToken: () => 'pod' },
    serverName: 'lanyard-control-plane.lanyard-system.svc',
    ...{ decisionTimeoutMs: 1_000, reconnectWaitMs: 10_000, keepaliveMs: 5_000 },
    ...{ waitingRequestsMax: 16, openRequestsMax: 64, readAhead: true, clock: SYSTEM_CLOCK },
    logger: createLogger({ name: 'sidecar', level: 'error' }, { write: () => undefined }),
    metrics: createSidecarMetrics(metrics),
    ...parts,
  })
}

function asked(parts: Partial<RequestAttributes> = {}): Question {
  const said = { container: 'app', targetContainer: '', userAgent: 'app', refusedBecause: '' }
  return { attributes: aRequest({ verb: 'get', name: 'a', ...parts }), ...said }
}

/** Sent ahead: the question was allowed just before. */
async function foresee(question = asked()): Promise<ForeseenRead> {
  await authorizer.authorize(question)
  const read = authorizer.foresee(question)
  if (read === undefined) throw new Error('the read was not foreseen')
  return read
}

const recorded = (id: string) => controlPlane.store.auditEvents.get(id)
const count = () => readLog(controlPlane.databasePath).length
const counted = async () =>
  [...(await metrics.text()).matchAll(/reads_ahead_total\{result="(\w+)"\} (\d+)/g)].map(
    ([, result, times]) => `${result} ${times}`,
  )

describe('foresee()', () => {
  test('is for what was allowed, under an id that the record gets', async () => {
    expect(authorizer.foresee(asked())).toBeUndefined()
    const { decisionId, reply } = await foresee()
    expect(Math.abs(decisionIdTimeMs(decisionId) - Date.now())).toBeLessThan(10_000)
    expect(await reply).toMatchObject({ effect: 'allow', id: decisionId })
    authorizer.report({ decisionId, httpStatus: 200, fault: '', responseBytes: 3n })
    const outcome = { httpStatus: 200, responseBytes: 3 }
    await expect.poll(() => recorded(decisionId)).toMatchObject({ sentAhead: true, outcome })
    expect(await counted()).toEqual(['allowed 1'])
    expect(controlPlane.decisionWatch()).toBe(1)
  })

  test('goes on from one foreseen allow to the next', async () => {
    const first = await foresee()
    const second = authorizer.foresee(asked())
    expect(second?.decisionId).not.toBe(first.decisionId)
    expect(await second?.reply).toMatchObject({ effect: 'allow', id: second?.decisionId })
  })

  test.each([
    ['a watch', asked({ verb: 'watch', name: '' })],
    ['a create', asked({ verb: 'create' })],
    ['a log', asked({ subresource: 'log' })],
  ])('is not for %s that was allowed', async (_name, other) => {
    await authorizer.authorize(other)
    expect(authorizer.foresee(other)).toBeUndefined()
  })

  test.each([
    ['object', asked({ name: 'b' })],
    ['container', { ...asked(), container: 'other' }],
  ])('is not for another %s', async (_name, other) => {
    await authorizer.authorize(asked())
    expect(authorizer.foresee(other)).toBeUndefined()
    expect(authorizer.foresee(asked())).toBeDefined()
  })

  test('is for nothing where the setting is off', async () => {
    await authorizer.close()
    authorizer = startAuthorizer({ readAhead: false })
    await authorizer.authorize(asked())
    expect(authorizer.foresee(asked())).toBeUndefined()
  })
})

describe('a denial after an allow', () => {
  test('is the reply, on record as sent, and ends the foreseeing', async () => {
    await authorizer.authorize(asked())
    controlPlane.access.set('alice', 'denied')
    const read = authorizer.foresee(asked())
    const decisionId = read?.decisionId ?? ''
    expect(await read?.reply).toMatchObject({ effect: 'deny', id: decisionId })
    expect(authorizer.foresee(asked())).toBeUndefined()
    const outcome = { httpStatus: 403, fault: '', responseBytes: 9n, withheld: true }
    authorizer.report({ decisionId, ...outcome })
    await expect
      .poll(() => recorded(decisionId))
      .toMatchObject({ effect: 'deny', sentAhead: true, outcome: { withheld: true } })
    expect(await counted()).toEqual(['withheld 1'])
  })
})

describe('a change', () => {
  test('ends the foreseeing of all questions until they are allowed again', async () => {
    await authorizer.authorize(asked())
    await authorizer.authorize(asked({ name: 'b' }))
    controlPlane.recheck()
    // Messages of a stream keep their order: the change comes before the answer to this question.
    await authorizer.authorize(asked({ verb: 'watch' }))
    expect(probe(asked())).toBe('waits')
    expect(probe(asked({ name: 'b' }))).toBe('waits')
    await authorizer.authorize(asked())
    expect(probe(asked())).toBe('sent ahead')
  })

  test('while a question is judged leaves its allow no ground', async () => {
    await authorizer.authorize(asked({ name: 'b' }))
    const release = controlPlane.holdReviews()
    const before = controlPlane.reviews()
    const waiting = authorizer.authorize(asked())
    await expect.poll(controlPlane.reviews).toBeGreaterThan(before)
    controlPlane.recheck()
    release()
    await waiting
    expect(probe(asked())).toBe('waits')
    expect(probe(asked({ name: 'b' }))).toBe('waits')
  })

  test('after a read was sent ahead cuts it as any other', async () => {
    const { decisionId, reply } = await foresee()
    await reply
    const cut: string[] = []
    authorizer.onRevoked(decisionId, ({ message }) => cut.push(message))
    controlPlane.access.set('alice', 'denied')
    controlPlane.recheck()
    await expect.poll(() => cut).toHaveLength(1)
  })
})

/** Whether a question would be sent ahead; the read is over immediately. */
function probe(question: Question): string {
  const read = authorizer.foresee(question)
  if (read === undefined) return 'waits'
  const { decisionId } = read
  void read.reply.then(() =>
    authorizer.report({ decisionId, httpStatus: 200, fault: '', responseBytes: 0n }),
  )
  return 'sent ahead'
}

describe('a control plane that is lost', () => {
  test('after it recorded, and before its answer, leaves the decision on record, withheld', async () => {
    await authorizer.authorize(asked())
    relay.blackhole(true)
    const read = authorizer.foresee(asked())
    const decisionId = read?.decisionId ?? ''
    await expect(read?.reply).rejects.toMatchObject({ code: 'decision_timeout' })
    relay.refuse(true)
    relay.blackhole(false)
    relay.refuse(false)
    await expect
      .poll(() => recorded(decisionId), { timeout: 10_000 })
      .toMatchObject({ sentAhead: true, outcome: { httpStatus: 504, withheld: true } })
  })

  test('while it judges leaves one record, and nothing is foreseen before that is written', async () => {
    await authorizer.authorize(asked())
    const release = controlPlane.holdReviews()
    const before = controlPlane.reviews()
    const read = authorizer.foresee(asked())
    const decisionId = read?.decisionId ?? ''
    await expect.poll(controlPlane.reviews).toBeGreaterThan(before)
    relay.refuse(true)
    await expect(read?.reply).rejects.toMatchObject({ code: 'decision_unavailable' })
    expect(authorizer.foresee(asked())).toBeUndefined()
    relay.refuse(false)
    const want = { reason: 'undecided', sentAhead: true, outcome: { withheld: true } }
    await expect.poll(() => recorded(decisionId), { timeout: 10_000 }).toMatchObject(want)
    release()
    await authorizer.authorize(asked())
    expect(probe(asked())).toBe('sent ahead')
    await expect.poll(count).toBe(4)
  })

  test('forgets what it allowed', async () => {
    await authorizer.authorize(asked())
    relay.refuse(true)
    await expect.poll(() => authorizer.problem()).toBeDefined()
    expect(authorizer.foresee(asked())).toBeUndefined()
    relay.refuse(false)
    await expect.poll(() => authorizer.problem(), { timeout: 10_000 }).toBeUndefined()
    expect(authorizer.foresee(asked())).toBeUndefined()
  })
})

test('a read that cannot be recorded is withheld, and on record as soon as it can be', async () => {
  await authorizer.authorize(asked())
  const other = new Sqlite(controlPlane.databasePath)
  other.exec('begin immediate')
  const read = authorizer.foresee(asked())
  const decisionId = read?.decisionId ?? ''
  await expect(read?.reply).rejects.toMatchObject({ code: 'audit_unavailable' })
  other.exec('rollback')
  other.close()
  await expect
    .poll(() => recorded(decisionId), { timeout: 10_000 })
    .toMatchObject({ reason: 'undecided', outcome: { httpStatus: 503, withheld: true } })
})

test('a clock of the control plane that was moved has ids refused, and nothing is allowed by them', async () => {
  await authorizer.authorize(asked())
  controlPlane.clock.nowMs += 60_000
  const read = authorizer.foresee(asked())
  const decisionId = read?.decisionId ?? ''
  await expect(read?.reply).rejects.toMatchObject({ code: 'decision_unavailable' })
  expect(authorizer.foresee(asked())).toBeUndefined()
  await expect.poll(() => recorded(decisionId)).toMatchObject({ reason: 'undecided' })
  await authorizer.authorize(asked())
  // Until it enrols again, and so knows the time.
  expect(authorizer.foresee(asked())).toBeUndefined()
})
