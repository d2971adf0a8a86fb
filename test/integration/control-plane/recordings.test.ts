import type { MessageInitShape } from '@bufbuild/protobuf'
import { Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadShellParsers } from '../../../control-plane/commands/shell-parsers.ts'
import type { NewAuditEvent } from '../../../control-plane/store/audit-event-store.ts'
import type { Actor } from '../../../core/chain.ts'
import { serviceAccountUser } from '../../../core/kubernetes/user-info.ts'
import { POD_UID_EXTRA } from '../../../core/names.ts'
import type { AccessPolicy } from '../../../core/policy/access-policy.ts'
import { NO_OBLIGATIONS } from '../../../core/policy/obligations.ts'
import { parseAccessPolicy } from '../../../core/policy/parse-access-policy.ts'
import {
  AuthorizationService,
  type AuthorizeResponse,
  type AuthorizeStreamResponse,
} from '../../../proto/gen/lanyard/v1/authorization_pb.ts'
import { EnrolmentService } from '../../../proto/gen/lanyard/v1/enrolment_pb.ts'
import {
  RecordingService,
  RecordLevel,
  type RecordRequestSchema,
  type RecordResponse,
  SessionEnding,
  SessionEventKind,
} from '../../../proto/gen/lanyard/v1/recording_pb.ts'
import { createGrpcClient, type GrpcClient } from '../../../proto/grpc-service.ts'
import {
  bearer,
  type ControlPlaneFixture,
  startControlPlaneFixture,
} from '../../support/control-plane-fixture.ts'
import {
  AGENT,
  aBinding,
  aDecision,
  aDecisionId,
  anOutcome,
  BUILD,
} from '../../support/record-builders.ts'

/* Sessions on a real socket, with the real store: half of these sidecars are attackers. */

type Message = Exclude<
  MessageInitShape<typeof RecordRequestSchema>,
  { readonly $typeName: string }
>['message']

let fixture: ControlPlaneFixture
let client: GrpcClient<typeof RecordingService>
let agent: string
const ID = aDecisionId(1)

/** A decision of the agent that asks for a recording. */
function aRecordedDecision(number: number, parts: Partial<NewAuditEvent> = {}): NewAuditEvent {
  return aDecision(number, { obligations: { ...NO_OBLIGATIONS, record: 'output' }, ...parts })
}

beforeEach(async () => {
  fixture = await startControlPlaneFixture()
  await fixture.store.bindings.record(aBinding([AGENT]))
  await fixture.store.bindings.record(aBinding([AGENT, BUILD]))
  await fixture.store.auditEvents.append(aRecordedDecision(1))
  client = createGrpcClient(RecordingService, fixture.address, fixture.credentials)
  agent = await enrol(AGENT)
})

afterEach(async () => {
  client.close()
  await fixture.close()
})

async function enrol(actor: Actor): Promise<string> {
  const token = `token-of-${actor.name}`
  const account = serviceAccountUser(actor.namespace, actor.serviceAccount)
  fixture.tokens.set(token, { ...account, extra: { [POD_UID_EXTRA]: [actor.podUid] } })
  const enrolment = createGrpcClient(EnrolmentService, fixture.address, fixture.credentials)
  try {
    return await new Promise<string>((resolve, reject) => {
      enrolment.enroll({ token }, new Metadata(), {}, (error, answer) => {
        if (error === null) resolve(answer?.session ?? '')
        else reject(error)
      })
    })
  } finally {
    enrolment.close()
  }
}

/** A call of Record: what it was told, and how it ended. */
function openCall(session = agent) {
  const call = client.record(bearer(session))
  const told: RecordResponse['message'][] = []
  const ended = new Promise<ServiceError | undefined>((resolve) => {
    call.on('error', resolve)
    call.on('end', () => resolve(undefined))
  })
  call.on('data', ({ message }: RecordResponse) => void told.push(message))
  const send = (message: Message) => void call.write({ message } as never)
  const toldOf = (wanted: string) =>
    expect.poll(() => told.map(({ case: name }) => name)).toContain(wanted)
  return { call, told, ended, send, toldOf }
}

const begin = (decisionId = ID, level: RecordLevel = RecordLevel.OUTPUT): Message => ({
  case: 'begin',
  value: { decisionId, protocol: 'v5.channel.k8s.io', level },
})
const output = (text: string, atUs = 1) => ({
  ...{ kind: SessionEventKind.OUTPUT, atUs: BigInt(atUs) },
  data: Buffer.from(text),
})
const chunk = (number: number, ...events: readonly object[]): Message => ({
  case: 'chunk',
  value: { number: BigInt(number), events: [...(events.length === 0 ? [output('x')] : events)] },
})
const end = (ending: SessionEnding = SessionEnding.FINISHED): Message => ({
  case: 'end',
  value: { ending, reason: 'bye' },
})

async function begun() {
  const session = openCall()
  session.send(begin())
  await session.toldOf('opened')
  return session
}

const recorded = () => fixture.store.recordings.get(ID)

describe('RecordingService', () => {
  test('records what a sidecar sends, and says what is on disk', async () => {
    const { send, told, ended } = await begun()
    for (let number = 1; number <= 50; number += 1) send(chunk(number, output(`line ${number}\n`)))
    send(end())
    expect(await ended).toBeUndefined()
    expect(told.at(-1)).toMatchObject({ case: 'stored', value: { number: 50n } })
    expect(await recorded()).toMatchObject({
      ...{ podUid: AGENT.podUid, rootRequester: 'alice', protocol: 'v5.channel.k8s.io' },
      ...{ chunks: 50, end: { ending: 'finished', reason: 'bye' } },
    })
  })

  test.each([
    ['that was lost', (call: ReturnType<typeof openCall>['call']) => call.cancel(), 'lost'],
    [
      'that ended without a word',
      (call: ReturnType<typeof openCall>['call']) => call.end(),
      'lost',
    ],
  ])('notes a session %s, with all that came before', async (_name, leave, ending) => {
    const { call, send, toldOf } = await begun()
    call.on('error', () => undefined)
    send(chunk(1))
    await toldOf('stored')
    leave(call)
    await expect.poll(recorded).toMatchObject({ chunks: 1, end: { ending } })
    expect(fixture.live.size()).toBe(0)
  })

  test('cuts a session whose decision no longer holds, and keeps the reason', async () => {
    const { send, told, toldOf, ended } = await begun()
    fixture.live.revoke(BUILD.podUid, ID, 'not this pod')
    fixture.live.revoke(AGENT.podUid, ID, 'no longer')
    await toldOf('cut')
    expect(told.at(-1)?.value).toMatchObject({ ending: SessionEnding.REVOKED, reason: 'no longer' })
    send(chunk(1))
    send(end())
    await ended
    expect(await recorded()).toMatchObject({
      ...{ chunks: 1, end: { ending: 'revoked', reason: 'no longer' } },
    })
  })

  test('ends a session by itself when the sidecar does not', async () => {
    const { ended } = await begun()
    fixture.live.sweep(({ podUid }) => podUid === AGENT.podUid)
    expect(await ended).toMatchObject({ code: status.PERMISSION_DENIED })
    await expect.poll(recorded).toMatchObject({ end: { ending: 'revoked' } })
  })

  test('lets no session begin below the floor of free room, and cuts below half of it', async () => {
    const { send, ended, toldOf } = await begun()
    fixture.volume.freeBytes = 0.9e9
    const late = openCall()
    late.send(begin())
    expect(await late.ended).toMatchObject({ code: status.RESOURCE_EXHAUSTED })
    send(chunk(1))
    await toldOf('stored')
    fixture.volume.freeBytes = 0.4e9
    send(chunk(2))
    expect(await ended).toMatchObject({ code: status.RESOURCE_EXHAUSTED })
    await expect.poll(recorded).toMatchObject({ chunks: 1, end: { ending: 'unrecorded' } })
    // Decisions go on.
    await fixture.store.auditEvents.append(aDecision(9))
  })
})

describe('RecordingService judges typed lines', () => {
  const line = (number: number, text: string): Message => ({
    case: 'line',
    value: { number: BigInt(number), line: Buffer.from(text) },
  })
  const verdicts = (told: readonly RecordResponse['message'][]) =>
    told.flatMap(({ case: name, value }) => (name === 'verdict' ? [value] : []))

  test('which it refuses while it watches over no decision of this pod', async () => {
    const { send, told, toldOf } = await begun()
    send(line(7, 'ls'))
    await toldOf('verdict')
    expect(verdicts(told)).toMatchObject([
      { number: 7n, passes: false, reason: expect.stringContaining('cannot judge it now') },
    ])
  })

  test('by the policies that hold when they are typed', async () => {
    const session = await openShell()
    session.send(line(1, 'rm -rf /data'))
    session.send(line(2, 'ls'))
    session.send(line(3, 'echo "'))
    session.send(line(4, `$(echo r)m" x`))
    session.send(line(5, 'x'.repeat(65_537)))
    await expect.poll(() => verdicts(session.told).length, { timeout: 20_000 }).toBe(5)
    fixture.policies.set('alice', [await shellPolicy([['ls', '**']])])
    session.send(line(6, 'ls'))
    await expect.poll(() => verdicts(session.told).length, { timeout: 20_000 }).toBe(6)
    expect(verdicts(session.told).map(({ passes, reason }) => [passes, reason])).toEqual([
      [false, expect.stringMatching(/denied by the pattern .*\(rule p\/shell\)/)],
      [true, ''],
      [true, ''],
      [true, ''],
      [false, expect.stringContaining('too long')],
      [false, expect.stringContaining('["ls","**"]')],
    ])
  })
})

async function shellPolicy(deny: readonly (readonly string[])[]): Promise<AccessPolicy> {
  const rule = {
    ...{ name: 'shell', effect: 'Allow', apiGroups: [''], resources: ['pods/exec'] },
    ...{ verbs: ['get', 'create'], namespaces: ['team'], commands: { deny }, record: 'output' },
  }
  const spec = { subjects: [{ kind: 'User', name: 'alice' }], rules: [rule] }
  const parsed = parseAccessPolicy({ metadata: { name: 'p' }, spec }, await loadShellParsers())
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.invalid.problems))
  return parsed.policy
}

/** A shell under a deny list, allowed over the stream of decisions and recorded. */
async function openShell() {
  fixture.policies.set('alice', [await shellPolicy([['rm', '**']])])
  fixture.pods.set('team/agent', AGENT.podUid)
  const stream = createGrpcClient(AuthorizationService, fixture.address, fixture.credentials)
  const call = stream.authorizeStream(bearer(agent))
  // It ends with the fixture.
  call.on('error', () => stream.close())
  const exec = { command: ['sh'], stdin: true, stdout: true, tty: true }
  const attributes = {
    ...{ verb: 'create', resourceRequest: true, apiVersion: 'v1', resource: 'pods' },
    ...{ subresource: 'exec', namespace: 'team', name: 'agent', exec, alsoVerbs: [] },
  }
  const decided = new Promise<AuthorizeResponse>((resolve) => {
    call.on('data', ({ message }: AuthorizeStreamResponse) => {
      if (message.case === 'decision') resolve(message.value)
    })
  })
  call.write({ correlation: 1, message: { case: 'authorize', value: { attributes } } } as never)
  const { decisionId, obligations } = await decided
  expect(obligations?.commands.map(({ words }) => words)).toEqual([['rm', '**']])
  const session = openCall()
  session.send(begin(decisionId))
  await session.toldOf('opened')
  return session
}

describe('RecordingService refuses to begin', () => {
  const refused = 'No decision of this pod with this id asks for a recording'

  test.each([
    ['without a session', 'nobody', begin(), status.UNAUTHENTICATED],
    ["another pod's decision", undefined, begin(aDecisionId(2)), status.PERMISSION_DENIED],
    ['a decision that asks for none', undefined, begin(aDecisionId(3)), status.PERMISSION_DENIED],
    ['a denial', undefined, begin(aDecisionId(4)), status.PERMISSION_DENIED],
    ['an observed decision', undefined, begin(aDecisionId(5)), status.PERMISSION_DENIED],
    ['no decision', undefined, begin(aDecisionId(99)), status.PERMISSION_DENIED],
    ['a path', undefined, begin('../../../../etc/passwd'), status.PERMISSION_DENIED],
    ['nothing', undefined, begin(''), status.PERMISSION_DENIED],
    ['less than is asked for', undefined, begin(aDecisionId(6)), status.INVALID_ARGUMENT],
    ['at no level', undefined, begin(ID, RecordLevel.UNSPECIFIED), status.INVALID_ARGUMENT],
    ['with a chunk', undefined, chunk(1), status.INVALID_ARGUMENT],
    ['with an end', undefined, end(), status.INVALID_ARGUMENT],
  ])('%s', async (_name, session, message, code) => {
    const { auditEvents } = fixture.store
    const all = { ...NO_OBLIGATIONS, record: 'all' as const }
    await auditEvents.append(
      aRecordedDecision(2, { caller: BUILD, chain: aBinding([AGENT, BUILD]).chain }),
    )
    await auditEvents.append(aDecision(3))
    await auditEvents.append(aRecordedDecision(4, { effect: 'deny' }))
    await auditEvents.append(aRecordedDecision(5, { observed: true }))
    await auditEvents.append(aRecordedDecision(6, { obligations: all }))
    const { send, ended } = openCall(session ?? agent)
    send(message)
    expect(await ended).toMatchObject({ code })
    expect(await fixture.store.recordings.list({}, 0, 9)).toEqual([])
  })

  test("says the same of another pod's decision as of none", async () => {
    await fixture.store.auditEvents.append(
      aRecordedDecision(2, { caller: BUILD, chain: aBinding([AGENT, BUILD]).chain }),
    )
    for (const id of [aDecisionId(2), aDecisionId(99)]) {
      const { send, ended } = openCall()
      send(begin(id))
      expect(await ended).toMatchObject({ details: refused })
    }
  })

  test('a second time, while it is live and after its end', async () => {
    const first = await begun()
    const second = openCall()
    second.send(begin())
    expect(await second.ended).toMatchObject({ code: status.ALREADY_EXISTS })
    first.send(end())
    await first.ended
    const third = openCall()
    third.send(begin())
    expect(await third.ended).toMatchObject({ code: status.ALREADY_EXISTS })
    expect(await recorded()).toMatchObject({ end: { ending: 'finished' } })
  })

  test('a request that has ended', async () => {
    await fixture.store.auditEvents.complete(AGENT.podUid, ID, anOutcome(1))
    const { send, ended } = openCall()
    send(begin())
    expect(await ended).toMatchObject({ code: status.PERMISSION_DENIED })
  })
})

describe('RecordingService ends a session that sends', () => {
  test.each([
    ['a chunk twice', [chunk(1), chunk(1)], status.INVALID_ARGUMENT, 1],
    ['a chunk too early', [chunk(1), chunk(3)], status.INVALID_ARGUMENT, 1],
    ['a chunk without a number', [chunk(0)], status.INVALID_ARGUMENT, 0],
    ['a number beyond all', [chunk(2 ** 40)], status.INVALID_ARGUMENT, 0],
    ['a begin again', [chunk(1), begin()], status.INVALID_ARGUMENT, 1],
    ['time that goes back', [chunk(1, output('a', 9), output('b', 8))], status.INVALID_ARGUMENT, 0],
    [
      'time that goes back between chunks',
      [chunk(1, output('a', 9)), chunk(2, output('b', 8))],
      ...[status.INVALID_ARGUMENT, 1],
    ],
    ['time that has not come', [chunk(1, output('a', 1e15))], status.INVALID_ARGUMENT, 0],
    [
      'input that is not to be recorded',
      [chunk(1, { ...output('secret'), kind: SessionEventKind.INPUT })],
      ...[status.INVALID_ARGUMENT, 0],
    ],
    ['an event of no kind', [chunk(1, { atUs: 1n })], status.INVALID_ARGUMENT, 0],
    ['a gigantic chunk', [chunk(1, output('x'.repeat(300_000)))], status.RESOURCE_EXHAUSTED, 0],
    ['a message beyond all', [chunk(1, output('x'.repeat(2e6)))], status.RESOURCE_EXHAUSTED, 0],
    ['an end that only we say', [end(SessionEnding.LOST)], status.INVALID_ARGUMENT, 0],
    ['an end that is none', [end(SessionEnding.UNSPECIFIED)], status.INVALID_ARGUMENT, 0],
  ] as [string, Message[], status, number][])('%s', async (_name, messages, code, chunks) => {
    const { send, ended } = await begun()
    for (const message of messages) send(message)
    expect(await ended).toMatchObject({ code })
    await expect.poll(recorded).toMatchObject({ chunks, end: expect.anything() })
    expect(fixture.live.size()).toBe(0)
  })
})
