import { Metadata } from '@grpc/grpc-js'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { laneOf } from '../../../control-plane/services/sent-ahead.ts'
import { decisionIdIn } from '../../../core/audit/decision-id.ts'
import type { Actor } from '../../../core/chain.ts'
import { serviceAccountUser } from '../../../core/kubernetes/user-info.ts'
import { POD_UID_EXTRA } from '../../../core/names.ts'
import {
  AuthorizationService,
  type AuthorizeResponse,
  type AuthorizeStreamResponse,
  Effect,
} from '../../../proto/gen/lanyard/v1/authorization_pb.ts'
import {
  type EnrollResponse,
  EnrolmentService,
} from '../../../proto/gen/lanyard/v1/enrolment_pb.ts'
import { createGrpcClient, type GrpcClient } from '../../../proto/grpc-service.ts'
import {
  bearer,
  type ControlPlaneFixture,
  startControlPlaneFixture,
} from '../../support/control-plane-fixture.ts'
import { readLog } from '../../support/read-log.ts'
import { AGENT, aBinding, BUILD, NOON_MS } from '../../support/record-builders.ts'

/* What a control plane does with ids that sidecars make, and what it tells sidecars of changes. */

let fixture: ControlPlaneFixture
let client: GrpcClient<typeof AuthorizationService>
let pod: Pod
const pods: Pod[] = []

beforeEach(async () => {
  fixture = await startControlPlaneFixture()
  await fixture.store.bindings.record(aBinding([AGENT]))
  await fixture.store.bindings.record(aBinding([AGENT, BUILD]))
  client = createGrpcClient(AuthorizationService, fixture.address, fixture.credentials)
  pod = await connect(AGENT)
})
afterEach(async () => {
  for (const { close } of pods.splice(0)) close()
  client.close()
  await fixture.close()
})

interface Asked {
  readonly decisionId?: string
  readonly refusedBecause?: string
  readonly verb?: string
}

interface Pod {
  readonly enrolment: EnrollResponse
  /** What came over the stream, in its order: `allow`, `allow*` that may be foreseen, `deny`, … */
  readonly said: string[]
  ask(question?: Asked): Promise<AuthorizeStreamResponse['message']>
  send(message: Parameters<ReturnType<typeof client.authorizeStream>['write']>[0]): void
  close(): void
}

async function connect(actor: Actor): Promise<Pod> {
  const account = serviceAccountUser(actor.namespace, actor.serviceAccount)
  fixture.tokens.set(actor.name, { ...account, extra: { [POD_UID_EXTRA]: [actor.podUid] } })
  const enrolments = createGrpcClient(EnrolmentService, fixture.address, fixture.credentials)
  const enrolment = await new Promise<EnrollResponse>((resolve, reject) => {
    enrolments.enroll({ token: actor.name }, new Metadata(), {}, (error, answer) => {
      if (error === null && answer !== undefined) resolve(answer)
      else reject(error)
    })
  })
  enrolments.close()
  const stream = client.authorizeStream(bearer(enrolment.session))
  const said: string[] = []
  const waiting = new Map<number, (message: AuthorizeStreamResponse['message']) => void>()
  stream.on('error', () => undefined)
  stream.on('data', (response: AuthorizeStreamResponse) => {
    const { message } = response
    for (const one of message.case === 'batch' ? message.value.messages : [response]) {
      said.push(nameOf(one.message))
      waiting.get(one.correlation)?.(one.message)
    }
  })
  const made: Pod = {
    enrolment,
    said,
    ask: ({ decisionId = '', refusedBecause = '', verb = 'list' } = {}) =>
      new Promise((resolve) => {
        const correlation = waiting.size + 1
        waiting.set(correlation, resolve)
        const value = {
          attributes: { verb, ...{ resourceRequest: true, resource: 'pods', namespace: 'team' } },
          ...{ container: 'app', decisionId, refusedBecause },
        }
        stream.write({ correlation, message: { case: 'authorize', value } })
      }),
    send: (message) => void stream.write(message),
    close: () => stream.cancel(),
  }
  pods.push(made)
  return made
}

function nameOf(message: AuthorizeStreamResponse['message']): string {
  if (message.case !== 'decision') return String(message.case)
  const { effect, mayBeForeseen } = message.value
  return `${effect === Effect.ALLOW ? 'allow' : 'no'}${mayBeForeseen ? '*' : ''}`
}

let lastOwn = 0
function anId({ podUid }: Actor = AGENT, atMs = fixture.clock.nowMs): string {
  lastOwn += 1
  return decisionIdIn(laneOf(podUid), atMs, lastOwn)
}

const rows = () => readLog(fixture.databasePath)
const recorded = (id: string) => fixture.store.auditEvents.get(id)

describe('an id that the sidecar made', () => {
  test('is made in the lane and by the clock that the enrolment tells, the same again later', async () => {
    const { lane, now } = pod.enrolment
    expect(lane).toBe(laneOf(AGENT.podUid))
    expect(Number(now?.seconds)).toBe(Math.floor(fixture.clock.nowMs / 1_000))
    expect((await connect(AGENT)).enrolment.lane).toBe(lane)
    expect((await connect(BUILD)).enrolment.lane).not.toBe(lane)
  })

  test('becomes the id of the record, and the record says that the request was sent', async () => {
    const id = anId()
    const answer = await pod.ask({ decisionId: id })
    expect(answer).toMatchObject({ value: { decisionId: id, effect: Effect.ALLOW } })
    expect(await recorded(id)).toMatchObject({ effect: 'allow', sentAhead: true })
    expect(fixture.decisionWatch()).toBe(1)
  })

  test('is none for a question that waits', async () => {
    const answer = (await pod.ask()) as { value: AuthorizeResponse }
    expect(await recorded(answer.value.decisionId)).not.toHaveProperty('sentAhead')
  })

  test('has a record of its own when refused, however many refusals there are', async () => {
    fixture.access.set('alice', 'denied')
    await Promise.all(Array.from({ length: 70 }, () => pod.ask()))
    const id = anId()
    expect(await pod.ask({ decisionId: id })).toMatchObject({
      value: { decisionId: id, effect: Effect.DENY },
    })
    expect(await recorded(id)).toMatchObject({ effect: 'deny', sentAhead: true })
  })

  test.each<[string, () => string, string]>([
    ['no ULID', () => 'mine', 'no ULID'],
    ["in another pod's lane", () => anId(BUILD), 'its lane is not the one of this pod'],
    ['too old', () => anId(AGENT, fixture.clock.nowMs - 11_000), 'off the clock'],
    ['of the future', () => anId(AGENT, fixture.clock.nowMs + 11_000), 'off the clock'],
  ])('is refused when it is %s, and nothing is on record', async (_name, id, why) => {
    const answer = await pod.ask({ decisionId: id() })
    const message = expect.stringContaining(why)
    expect(answer).toMatchObject({ value: { code: 'decision_unavailable', message } })
    expect(rows()).toEqual([])
  })

  test('is refused when it is on record already, which changes nothing there', async () => {
    const id = anId()
    await pod.ask({ decisionId: id })
    fixture.access.set('alice', 'denied')
    const again = await pod.ask({ decisionId: id })
    expect(again).toMatchObject({ case: 'failure', value: { code: 'audit_unavailable' } })
    expect(rows()).toMatchObject([{ id, effect: 'allow' }])
    await pod.ask()
    expect(rows()).toHaveLength(2)
  })

  test('of two that ask with one at the same time is taken once', async () => {
    const id = anId()
    const answers = [pod.ask({ decisionId: id }), pod.ask({ decisionId: id })]
    const kinds = (await Promise.all(answers)).map((answer) => answer.case)
    expect(kinds.sort()).toEqual(['decision', 'failure'])
    expect(rows()).toHaveLength(1)
  })

  test('is checked of a question outside of the stream too', async () => {
    const question = { attributes: { verb: 'get' }, container: 'app', decisionId: anId(BUILD) }
    const metadata = bearer(pod.enrolment.session)
    const asked = new Promise((resolve, reject) => {
      client.authorize(question as Parameters<typeof client.authorize>[0], metadata, {}, (error) =>
        error === null ? resolve(undefined) : reject(error),
      )
    })
    await expect(asked).rejects.toThrow('lane')
  })
})

describe('a request that was sent and never decided', () => {
  const WHY = 'sent ahead of its decision, and no decision came'

  test('is put on record late under its id, as undecided', async () => {
    const id = anId(AGENT, fixture.clock.nowMs - 3_600_000)
    const answer = await pod.ask({ decisionId: id, refusedBecause: WHY })
    expect(answer).toMatchObject({ value: { decisionId: id, effect: Effect.DENY } })
    const want = { effect: 'deny', reason: 'undecided', sentAhead: true, message: WHY }
    expect(await recorded(id)).toMatchObject(want)
  })

  test('stays on record as it was decided, when it was', async () => {
    const id = anId()
    await pod.ask({ decisionId: id })
    const answer = await pod.ask({ decisionId: id, refusedBecause: WHY })
    expect(answer).toMatchObject({ value: { decisionId: id, effect: Effect.DENY } })
    expect(await recorded(id)).toMatchObject({ effect: 'allow', reason: 'rbac_allows' })
    expect(rows()).toHaveLength(1)
  })

  test('is on record once when it is decided at the same time', async () => {
    const release = fixture.holdReviews()
    const id = anId()
    const decided = pod.ask({ decisionId: id })
    await expect.poll(fixture.reviews).toBeGreaterThan(0)
    await pod.ask({ decisionId: id, refusedBecause: WHY })
    release()
    expect(await decided).toMatchObject({ case: 'failure' })
    expect(await recorded(id)).toMatchObject({ reason: 'undecided' })
    expect(rows()).toHaveLength(1)
  })

  test.each<[string, () => string]>([
    ['of another pod', () => anId(BUILD)],
    ['of a time before the pod', () => anId(AGENT, NOON_MS - 11_000)],
    ['of the future', () => anId(AGENT, fixture.clock.nowMs + 11_000)],
  ])('is not taken with an id %s', async (_name, id) => {
    const answer = await pod.ask({ decisionId: id(), refusedBecause: WHY })
    expect(answer).toMatchObject({ case: 'failure', value: { code: 'decision_unavailable' } })
    expect(rows()).toEqual([])
  })

  test('has an outcome that says what became of the answer', async () => {
    const id = anId()
    await pod.ask({ decisionId: id, refusedBecause: WHY })
    const value = { decisionId: id, httpStatus: 503, fault: 'decision_unavailable', withheld: true }
    pod.send({ correlation: 0, message: { case: 'outcome', value } })
    await expect.poll(() => recorded(id)).toMatchObject({ outcome: { withheld: true } })
  })
})

describe('a change', () => {
  test('is told once after an allow, however many come, and not before the next', async () => {
    await pod.ask()
    for (let times = 0; times < 5; times += 1) fixture.recheck()
    await expect.poll(() => pod.said).toEqual(['allow*', 'changed'])
    await pod.ask()
    fixture.recheck()
    await expect.poll(() => pod.said).toEqual(['allow*', 'changed', 'allow*', 'changed'])
  })

  test('while a question is judged makes its allow no ground to foresee by', async () => {
    const release = fixture.holdReviews()
    const asked = pod.ask()
    await expect.poll(fixture.reviews).toBeGreaterThan(0)
    fixture.recheck()
    release()
    await asked
    expect(pod.said).toEqual(['allow'])
    await pod.ask()
    expect(pod.said).toEqual(['allow', 'allow*'])
  })

  test.each(['watch', 'create'])('is not told for the sake of a %s', async (verb) => {
    await pod.ask({ verb })
    fixture.recheck()
    await pod.ask()
    expect(pod.said).toEqual(['allow', 'allow*'])
  })

  test('of one pod is told to that pod alone', async () => {
    const other = await connect(BUILD)
    await Promise.all([pod.ask(), other.ask()])
    fixture.podEnds.gone(AGENT.podUid)
    await expect.poll(() => pod.said).toContain('changed')
    await other.ask()
    expect(other.said).toEqual(['allow*', 'allow*'])
  })

  test('is not told after a stream has ended', async () => {
    await pod.ask()
    pod.close()
    await expect.poll(fixture.decisionWatch).toBe(0)
    expect(fixture.recheck).not.toThrow()
  })
})
