import type { MessageInitShape } from '@bufbuild/protobuf'
import { Metadata, type ServiceError, status } from '@grpc/grpc-js'
import Sqlite from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Actor } from '../../../core/chain.ts'
import { serviceAccountUser } from '../../../core/kubernetes/user-info.ts'
import { POD_UID_EXTRA } from '../../../core/names.ts'
import { BATCH_MESSAGES_MAX } from '../../../proto/batch-writer.ts'
import { AdmissionService, VisitKind } from '../../../proto/gen/lanyard/v1/admission_pb.ts'
import {
  AuthorizationService,
  type AuthorizeRequestSchema,
  type AuthorizeStreamResponse,
  Effect,
} from '../../../proto/gen/lanyard/v1/authorization_pb.ts'
import { EnrolmentService } from '../../../proto/gen/lanyard/v1/enrolment_pb.ts'
import { createGrpcClient, type GrpcClient } from '../../../proto/grpc-service.ts'
import {
  bearer,
  type ControlPlaneFixture,
  startControlPlaneFixture,
} from '../../support/control-plane-fixture.ts'
import { readLog } from '../../support/read-log.ts'
import { AGENT, aBinding, BUILD } from '../../support/record-builders.ts'

/* A sidecar's stream on a real socket, with the real store: one half of it is the attacker. */

type Client = GrpcClient<typeof AuthorizationService>
type Stream = ReturnType<Client['authorizeStream']>
type Question = Exclude<
  MessageInitShape<typeof AuthorizeRequestSchema>,
  { readonly $typeName: string }
>

let fixture: ControlPlaneFixture
let client: Client
let agent: Sidecar
const sidecars: Sidecar[] = []

beforeEach(async () => {
  fixture = await startControlPlaneFixture()
  await fixture.store.bindings.record(aBinding([AGENT]))
  await fixture.store.bindings.record(aBinding([AGENT, BUILD]))
  client = createGrpcClient(AuthorizationService, fixture.address, fixture.credentials)
  agent = await connect(AGENT)
})

afterEach(async () => {
  for (const { stream } of sidecars.splice(0)) stream.cancel()
  client.close()
  await fixture.close()
})

interface Sidecar {
  readonly stream: Stream
  readonly session: string
  readonly received: AuthorizeStreamResponse[]
  readonly ended: Promise<ServiceError | undefined>
  /** Resolves with the answer of this correlation. */
  answer(correlation: number): Promise<AuthorizeStreamResponse['message']>
}

async function connect(actor: Actor): Promise<Sidecar> {
  const token = `token-of-${actor.name}`
  const account = serviceAccountUser(actor.namespace, actor.serviceAccount)
  fixture.tokens.set(token, { ...account, extra: { [POD_UID_EXTRA]: [actor.podUid] } })
  const enrolment = createGrpcClient(EnrolmentService, fixture.address, fixture.credentials)
  const session = await new Promise<string>((resolve, reject) => {
    enrolment.enroll({ token }, new Metadata(), {}, (error, answer) => {
      if (error === null) resolve(answer?.session ?? '')
      else reject(error)
    })
  })
  enrolment.close()
  return openStream(session)
}

function openStream(session: string): Sidecar {
  const stream = client.authorizeStream(bearer(session))
  const received: AuthorizeStreamResponse[] = []
  const ended = new Promise<ServiceError | undefined>((resolve) => {
    stream.on('error', resolve)
    stream.on('end', () => resolve(undefined))
  })
  stream.on('data', (response: AuthorizeStreamResponse) => {
    const { message } = response
    received.push(...(message.case === 'batch' ? message.value.messages : [response]))
  })
  const answer = async (correlation: number) => {
    const find = () => received.find((message) => message.correlation === correlation)
    await expect.poll(find, { timeout: 5_000 }).toBeDefined()
    return find()?.message as AuthorizeStreamResponse['message']
  }
  const sidecar = { stream, session, received, ended, answer }
  sidecars.push(sidecar)
  return sidecar
}

function aQuestion(parts: Question = {}): Question {
  const attributes = {
    verb: 'list',
    resourceRequest: true,
    apiVersion: 'v1',
    resource: 'pods',
    namespace: 'team',
    path: '/api/v1/namespaces/team/pods',
  }
  return { attributes, container: 'app', ...parts }
}

function ask({ stream }: Pick<Sidecar, 'stream'>, correlation: number, value = aQuestion()): void {
  stream.write({ correlation, message: { case: 'authorize', value } })
}

function aRequest(correlation: number, value = aQuestion()) {
  return { correlation, message: { case: 'authorize' as const, value } }
}

function batch(
  { stream }: Pick<Sidecar, 'stream'>,
  messages: Parameters<Stream['write']>[0][],
): void {
  stream.write({ message: { case: 'batch', value: { messages } } })
}

async function allowedId(sidecar: Sidecar, correlation: number): Promise<string> {
  ask(sidecar, correlation)
  const message = await sidecar.answer(correlation)
  expect(message).toMatchObject({ case: 'decision', value: { effect: Effect.ALLOW } })
  return (message.value as { decisionId: string }).decisionId
}

const rows = () => readLog(fixture.databasePath)

/** Requests on record: a record can stand for several refusals. */
function counted(): number {
  return rows().reduce((sum, { refusals }) => sum + Number(refusals ?? 1), 0)
}

describe('a decision', () => {
  test('is made for each question of a batch, and each has a record', async () => {
    const denied = aQuestion({ attributes: { resourceRequest: true, resource: 'pods' } })
    batch(agent, [aRequest(1), aRequest(2, denied), aRequest(3)])
    const answers = [await agent.answer(1), await agent.answer(2), await agent.answer(3)]
    expect(answers).toMatchObject(
      [Effect.ALLOW, Effect.DENY, Effect.ALLOW].map((effect) => ({ value: { effect } })),
    )
    expect(rows()).toHaveLength(3)
  })

  test('is in the file before its answer is out, in the name of the stream’s pod', async () => {
    const id = await allowedId(agent, 1)
    expect(rows()).toMatchObject([{ id, podUid: AGENT.podUid, rootRequester: 'alice' }])
  })

  test('is made for each of many questions at the same time, and answered by its correlation', async () => {
    fixture.access.set('alice', 'denied')
    for (let correlation = 1; correlation <= 500; correlation += 1) ask(agent, correlation)
    await expect.poll(() => agent.received.length, { timeout: 10_000 }).toBe(500)
    const correlations = agent.received.map(({ correlation }) => correlation)
    expect(new Set(correlations).size).toBe(500)
    const effects = agent.received.map(
      ({ message }) => (message.value as { effect: Effect }).effect,
    )
    expect(new Set(effects)).toEqual(new Set([Effect.DENY]))
    expect(counted()).toBe(500)
  })

  test('waits while the sidecar takes no answers, and each is answered once it does', async () => {
    fixture.access.set('alice', 'denied')
    agent.stream.pause()
    for (let correlation = 1; correlation <= 5_000; correlation += 1) ask(agent, correlation)
    await expect.poll(() => counted(), { timeout: 10_000 }).toBeGreaterThan(100)
    let waiting = 0
    const isStill = () => {
      const before = waiting
      waiting = counted()
      return waiting === before
    }
    await expect.poll(isStill, { timeout: 15_000, interval: 1_000 }).toBe(true)
    expect(waiting).toBeLessThan(2_000)
    agent.stream.resume()
    await expect.poll(() => agent.received.length, { timeout: 10_000 }).toBe(5_000)
  })

  test('that cannot be recorded is a failure, not an answer, and the next one is made', async () => {
    const other = new Sqlite(fixture.databasePath)
    other.exec('begin immediate')
    ask(agent, 1)
    expect(await agent.answer(1)).toMatchObject({
      case: 'failure',
      value: { code: 'audit_unavailable' },
    })
    other.exec('rollback')
    other.close()
    await allowedId(agent, 2)
  })
})

describe('a message that no sidecar of ours sends', () => {
  const long = 'x'.repeat(3_000)
  const wrong: readonly [string, Question | undefined, string][] = [
    ['nothing at all', undefined, 'request_invalid'],
    ['a question without attributes', { container: 'app' }, 'request_invalid'],
    [
      'a name that is too long',
      aQuestion({ attributes: { verb: 'get', name: long } }),
      'request_invalid',
    ],
    ['a container that is too long', aQuestion({ container: long }), 'request_invalid'],
    [
      'too many verbs',
      aQuestion({ attributes: { verb: 'get', alsoVerbs: ['a', 'b', 'c', 'd', 'e'] } }),
      'request_invalid',
    ],
  ]
  test.each(wrong)('%s is a failure, and the stream goes on', async (_name, value, code) => {
    const message = value === undefined ? undefined : { case: 'authorize' as const, value }
    agent.stream.write(message === undefined ? { correlation: 1 } : { correlation: 1, message })
    expect(await agent.answer(1)).toMatchObject({ case: 'failure', value: { code } })
    expect(rows()).toEqual([])
    await allowedId(agent, 2)
  })

  test('an empty verb is denied', async () => {
    ask(agent, 1, aQuestion({ attributes: { resourceRequest: true, resource: 'pods' } }))
    expect(await agent.answer(1)).toMatchObject({
      case: 'decision',
      value: { effect: Effect.DENY },
    })
  })

  test.each(['\ud800', '\u0000', "'; drop table decision; --", '\u202e'])(
    'odd text %j harms nobody else',
    async (name) => {
      const attributes = { verb: 'get', resourceRequest: true, resource: 'pods', name }
      ask(agent, 1, aQuestion({ attributes, userAgent: name }))
      await agent.answer(1)
      await allowedId(agent, 2)
    },
  )

  test('a batch in a batch is a failure, and what stands beside it is judged', async () => {
    const inner = { case: 'batch' as const, value: { messages: [aRequest(3)] } }
    batch(agent, [aRequest(1), { correlation: 2, message: inner }])
    expect(await agent.answer(2)).toMatchObject({
      case: 'failure',
      value: { code: 'request_invalid' },
    })
    expect(await agent.answer(1)).toMatchObject({ case: 'decision' })
    expect(rows()).toHaveLength(1)
  })

  test('a batch of more than anyone writes ends the stream', async () => {
    batch(
      agent,
      Array.from({ length: BATCH_MESSAGES_MAX + 1 }, (_, index) => aRequest(index + 1)),
    )
    expect((await agent.ended)?.code).toBe(status.INVALID_ARGUMENT)
    expect(rows()).toEqual([])
  })

  test('more than the library takes ends the stream, and no other', async () => {
    const build = await connect(BUILD)
    ask(agent, 1, aQuestion({ userAgent: 'x'.repeat(2_000_000) }))
    expect((await agent.ended)?.code).toBe(status.RESOURCE_EXHAUSTED)
    await allowedId(build, 1)
  })
})

describe('an outcome', () => {
  const outcomeOf = (decisionId: string, httpStatus: number) => ({
    correlation: 0,
    message: { case: 'outcome' as const, value: { decisionId, httpStatus, responseBytes: 7n } },
  })

  test('is noted beside its decision', async () => {
    const id = await allowedId(agent, 1)
    agent.stream.write(outcomeOf(id, 200))
    await expect.poll(rows).toMatchObject([{ id, httpStatus: 200, responseBytes: 7 }])
    expect(fixture.decisionWatch()).toBe(0)
  })

  test('of another pod’s decision changes nothing, and keeps it watched over', async () => {
    const id = await allowedId(agent, 1)
    const build = await connect(BUILD)
    build.stream.write(outcomeOf(id, 500))
    const own = await allowedId(build, 1)
    build.stream.write(outcomeOf(own, 200))
    await expect.poll(() => rows()[1]).toMatchObject({ id: own, httpStatus: 200 })
    expect(rows()[0]).toMatchObject({ id, httpStatus: null })
    expect(fixture.decisionWatch()).toBe(1)
  })

  test('with numbers past what is safe is noted', async () => {
    const id = await allowedId(agent, 1)
    const value = { decisionId: id, httpStatus: 200, responseBytes: 2n ** 64n - 1n }
    agent.stream.write({ correlation: 0, message: { case: 'outcome', value } })
    await expect.poll(() => rows()[0]?.responseBytes).toBe(Number.MAX_SAFE_INTEGER)
  })
})

describe('a session', () => {
  test('that nobody was given is refused', async () => {
    expect((await openStream('guessed').ended)?.code).toBe(status.UNAUTHENTICATED)
  })

  test('that is over ends the stream before another decision', async () => {
    await allowedId(agent, 1)
    fixture.clock.nowMs += 10 * 60 * 1_000
    ask(agent, 2)
    expect((await agent.ended)?.code).toBe(status.UNAUTHENTICATED)
    expect(rows()).toHaveLength(1)
  })

  test('speaks for its own pod alone, whatever a message says', async () => {
    const build = await connect(BUILD)
    await allowedId(build, 1)
    expect(rows()).toMatchObject([{ podUid: BUILD.podUid }])
  })
})

describe('what is open', () => {
  test('is revoked when it would not be allowed any more', async () => {
    const decisionId = await allowedId(agent, 1)
    fixture.access.set('alice', 'denied')
    fixture.recheck()
    await expect
      .poll(() => agent.received.at(-1)?.message)
      .toMatchObject({ case: 'revocation', value: { decisionId } })
  })

  test('is revoked when somebody ends the chain', async () => {
    const decisionId = await allowedId(agent, 1)
    fixture.revocations.push({
      ...{ name: 'left', username: 'alice', requester: 'Any', sinceMs: 0 },
      ...{ revokedAtMs: fixture.clock.nowMs, revokedBy: 'admin', reason: 'left' },
    })
    fixture.recheck()
    await expect
      .poll(() => agent.received.at(-1)?.message, { timeout: 2_000 })
      .toMatchObject({ case: 'revocation', value: { decisionId } })
  })

  test('is revoked when the pod ends, and nothing more is decided for its session', async () => {
    const decisionId = await allowedId(agent, 1)
    fixture.podEnds.gone(AGENT.podUid)
    await expect
      .poll(() => agent.received.at(-1)?.message, { timeout: 2_000 })
      .toMatchObject({ case: 'revocation', value: { decisionId } })
    ask(agent, 2)
    expect(await agent.answer(2)).toMatchObject({
      case: 'decision',
      value: { effect: Effect.DENY, message: expect.stringContaining('the pod ended at') },
    })
  })

  test('is revoked when somebody joins the pod who may not do it', async () => {
    const decisionId = await allowedId(agent, 1)
    fixture.access.set('bob', 'denied')
    fixture.tokens.set('injector', serviceAccountUser('lanyard-system', 'lanyard-injector'))
    const admission = createGrpcClient(AdmissionService, fixture.address, fixture.credentials)
    const context = { user: { username: 'bob' }, namespace: 'team' }
    const visit = { podName: AGENT.name, podUid: AGENT.podUid, kind: VisitKind.EPHEMERALCONTAINERS }
    await new Promise<void>((resolve, reject) => {
      const done = (error: unknown) => (error === null ? resolve() : reject(error))
      admission.recordVisit({ context, ...visit }, bearer('injector'), {}, done)
    })
    admission.close()
    await expect
      .poll(() => agent.received.at(-1)?.message, { timeout: 2_000 })
      .toMatchObject({ case: 'revocation', value: { decisionId } })
  })

  test('moves to a new stream, and is revoked there', async () => {
    const decisionId = await allowedId(agent, 1)
    const next = openStream(agent.session)
    const resume = { case: 'resume' as const, value: { decisionId, request: aQuestion() } }
    next.stream.write({ correlation: 0, message: resume })
    await allowedId(next, 5)
    agent.stream.end()
    await agent.ended
    fixture.access.set('alice', 'denied')
    fixture.recheck()
    const revoked = () =>
      next.received.filter(
        ({ message }) => message.case === 'revocation' && message.value.decisionId === decisionId,
      )
    await expect.poll(revoked).toHaveLength(1)
  })

  test('without what was asked is revoked', async () => {
    const resume = { case: 'resume' as const, value: { decisionId: 'd' } }
    agent.stream.write({ correlation: 0, message: resume })
    await expect
      .poll(() => agent.received.at(-1)?.message)
      .toMatchObject({ case: 'revocation', value: { decisionId: 'd' } })
  })

  test('is not watched over when its stream ended before it was decided', async () => {
    const release = fixture.holdReviews()
    ask(agent, 1)
    await expect.poll(fixture.reviews).toBe(1)
    agent.stream.cancel()
    await agent.ended
    // Whoever asks later is heard later: the server knows by then that the stream is gone.
    const next = openStream(agent.session)
    next.stream.write({ correlation: 1 })
    await next.answer(1)
    release()
    await expect.poll(() => rows().length).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(fixture.decisionWatch()).toBe(0)
  })

  test('is forgotten with its stream', async () => {
    await allowedId(agent, 1)
    expect(fixture.decisionWatch()).toBe(1)
    agent.stream.cancel()
    await expect.poll(fixture.decisionWatch).toBe(0)
  })
})

test('the log holds no session and no token', async () => {
  await allowedId(agent, 1)
  expect(fixture.logLines.join('')).not.toContain(agent.session)
  expect(fixture.logLines.join('')).not.toContain('token-of-agent')
})
