import { Duplex } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { create } from '@bufbuild/protobuf'
import { Metadata, type ServerDuplexStream, type ServiceError, status } from '@grpc/grpc-js'
import { beforeEach, describe, expect, test } from 'vitest'
import { Fault } from '../../core/fault.ts'
import { NO_OBLIGATIONS } from '../../core/policy/obligations.ts'
import { createLogger } from '../../platform/logger.ts'
import { createMetrics } from '../../platform/metrics.ts'
import {
  type AuthorizeStreamRequest,
  AuthorizeStreamRequestSchema,
  type AuthorizeStreamResponse,
} from '../../proto/gen/lanyard/v1/authorization_pb.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { createMemoryAuditEventStore } from '../../test/support/memory-stores.ts'
import { AGENT, aDecision, anEnrolledBinding, BUILD } from '../../test/support/record-builders.ts'
import { createControlPlaneMetrics } from '../control-plane-metrics.ts'
import type { RecordedDecision } from '../decisions/decide.ts'
import { createDecisionWatch, type DecisionWatch } from '../decisions/decision-watch.ts'
import { createSessions } from '../sessions.ts'
import type { AuditEventStore } from '../store/audit-event-store.ts'
import { createAuthorizeStream } from './authorize-stream.ts'
import { LiveRecordings } from './live-recordings.ts'

/** A stream without a socket: what the sidecar says, and what it is told. */
class FakeCall extends Duplex {
  readonly metadata = new Metadata()
  readonly said: string[] = []
  cancelled = false
  error: ServiceError | undefined

  constructor(secret: string) {
    super({ objectMode: true, autoDestroy: false, read: () => undefined })
    this.metadata.set('authorization', `Bearer ${secret}`)
    this.on('error', (error) => {
      this.error = error as ServiceError
    })
  }

  sendMetadata(): void {
    this.said.push('metadata')
  }

  override _write(one: AuthorizeStreamResponse, _encoding: string, taken: () => void): void {
    const { message } = one
    const all = message.case === 'batch' ? message.value.messages : [one]
    this.said.push(...all.map(describeResponse))
    taken()
  }
}

function describeResponse({ correlation, message }: AuthorizeStreamResponse): string {
  const value = message.value as { code?: string; decisionId?: string }
  return [correlation || '', message.case, value.code || value.decisionId].filter(Boolean).join(' ')
}

const BINDING = anEnrolledBinding([AGENT], 1)
const SESSION_MS = 60_000

let clock: ManualClock
let watch: DecisionWatch
let decisions: Map<number, PromiseWithResolvers<RecordedDecision>>
let allowed: boolean
let call: FakeCall
let auditEvents: AuditEventStore
let open: (secret?: string) => FakeCall

beforeEach(() => {
  clock = new ManualClock(1_000)
  const now = () => clock.nowMs()
  const logger = createLogger({ name: 'x', level: 'error' }, { write: () => undefined })
  decisions = new Map()
  allowed = true
  auditEvents = createMemoryAuditEventStore()
  const decider = {
    decide: () => {
      const waiting = Promise.withResolvers<RecordedDecision>()
      decisions.set(decisions.size + 1, waiting)
      return waiting.promise
    },
    stillAllows: async () => allowed,
    prospect: () => Promise.reject(new Error('no stream asks for a prospect')),
  }
  watch = createDecisionWatch({ decider, logger, inSync: true, clock })
  const sessions = createSessions(now)
  const { secret } = sessions.open(BINDING, SESSION_MS)
  const handle = createAuthorizeStream({
    ...{ decider, sessions, decisionWatch: watch, logger, now },
    auditEvents,
    live: new LiveRecordings(),
    metrics: createControlPlaneMetrics(createMetrics('control-plane', 'test')),
  })
  open = (own = secret) => {
    const stream = new FakeCall(own)
    handle(stream as unknown as ServerDuplexStream<AuthorizeStreamRequest, never>)
    return stream
  }
  call = open()
})

type Message = Exclude<AuthorizeStreamRequest['message'], { case: undefined }>['case']

const ASKED = { attributes: { verb: 'get', resource: 'pods' }, container: 'app' }
const OUTCOME = { decisionId: 'd1' }
const TUNNEL = {
  attributes: { resourceRequest: true, verb: 'get', resource: 'pods', subresource: 'exec' },
}
const SENT: Readonly<Partial<Record<Message | 'empty resume' | 'tunnel resume', object>>> = {
  authorize: { case: 'authorize', value: ASKED },
  resume: { case: 'resume', value: { decisionId: 'd1', request: ASKED } },
  'tunnel resume': { case: 'resume', value: { decisionId: 'd1', request: TUNNEL } },
  'empty resume': { case: 'resume', value: { decisionId: 'd1' } },
  outcome: { case: 'outcome', value: OUTCOME },
}

/** A message of the sidecar, the answer to its first question, a change, or the end of the stream. */
type Step =
  | keyof typeof SENT
  | 'allow'
  | 'deny'
  | 'fail'
  | 'denied since'
  | 'end'
  | 'cancelled'
  | 'late'

const DECISION = {
  ...{ decisionId: 'd1', obligations: NO_OBLIGATIONS, refusal: undefined, warning: '' },
  impersonationJudged: false,
  conditional: false,
}

async function run(steps: readonly Step[]): Promise<void> {
  const does: Readonly<Partial<Record<Step, () => void>>> = {
    allow: () => decisions.get(1)?.resolve({ ...DECISION, effect: 'allow' }),
    deny: () => decisions.get(1)?.resolve({ ...DECISION, effect: 'deny' }),
    fail: () => decisions.get(1)?.reject(new Fault('audit_unavailable', 'The disk is full')),
    'denied since': () => {
      allowed = false
      watch.recheck()
    },
    end: () => void call.push(null),
    cancelled: () => void call.emit('cancelled'),
    late: () => undefined,
  }
  for (const [index, step] of steps.entries()) {
    const message = SENT[step as keyof typeof SENT]
    const correlation = index + 1
    const sent = { correlation, message } as Parameters<typeof create>[1]
    const say = () => void call.push(create(AuthorizeStreamRequestSchema, sent))
    ;(does[step] ?? say)()
    await clock.advance(step === 'late' ? SESSION_MS : 200)
    await turn()
  }
}

describe('what a stream says and keeps open', () => {
  test.each<[string, readonly Step[], readonly string[], number]>([
    ['nothing but that it is there', [], [], 0],
    ['nothing before the decision', ['authorize'], [], 0],
    ['an allow, which is watched over', ['authorize', 'allow'], ['1 decision d1'], 1],
    ['a denial, which is not', ['authorize', 'deny'], ['1 decision d1'], 0],
    ['a failure', ['authorize', 'fail'], ['1 failure audit_unavailable'], 0],
    ['no more after its outcome', ['authorize', 'allow', 'outcome'], ['1 decision d1'], 0],
    [
      'a revocation of an allow that no longer holds',
      ['authorize', 'allow', 'denied since'],
      ['1 decision d1', 'revocation permission_denied'],
      0,
    ],
    [
      'no revocation of what has ended',
      ['authorize', 'allow', 'outcome', 'denied since'],
      ['1 decision d1'],
      0,
    ],
    ['what another stream had open', ['resume'], [], 1],
    ['a tunnel that another stream had open', ['tunnel resume'], [], 1],
    ['nothing whose outcome came at the same time', ['tunnel resume', 'outcome'], [], 0],
    [
      'a revocation of what was taken over and no longer holds',
      ['denied since', 'resume'],
      ['revocation permission_denied'],
      0,
    ],
    [
      'a revocation of what nobody can judge',
      ['empty resume'],
      ['revocation decision_unavailable'],
      0,
    ],
    ['nothing open after its end', ['authorize', 'allow', 'end'], ['1 decision d1'], 0],
    [
      'nothing open after it was cancelled',
      ['authorize', 'allow', 'cancelled'],
      ['1 decision d1'],
      0,
    ],
    ['nothing that is decided after its end', ['authorize', 'cancelled', 'allow'], [], 0],
    ['nothing that is taken over after its end', ['cancelled', 'resume'], [], 0],
  ])('%s', async (_name, steps, said, size) => {
    await run(steps)
    expect(call.said).toEqual(['metadata', ...said])
    expect(watch.size()).toBe(size)
  })
})

test.each<[string, readonly Step[], number]>([
  ['a session that is over', ['late', 'authorize'], status.UNAUTHENTICATED],
])('a stream ends with %s', async (_name, steps, code) => {
  await run(steps)
  expect(call.error?.code).toBe(code)
  expect([call.said, decisions.size]).toEqual([['metadata'], 0])
})

test.each([
  ['its own record', {}, ['secret-values']],
  ['the record of another pod', { caller: BUILD }, []],
  ['the record of a denial', { effect: 'deny' as const }, []],
])(
  'a request that was open before is judged again with what is done to it by %s',
  async (_name, parts, want) => {
    const obligations = { ...NO_OBLIGATIONS, mask: ['secret-values'] }
    await auditEvents.append({ ...aDecision(1), id: 'd1', obligations, ...parts })
    await run(['resume'])
    expect(watch.find(AGENT.podUid, 'd1')?.obligations.mask).toEqual(want)
  },
)

test('a MaskProfile is told once over a stream, and again when it has changed', async () => {
  const profileOf = (id: string) => ({ id, definition: `{"of":"${id}"}` })
  const [first, second] = [profileOf('cards@1111111111111111'), profileOf('cards@2222222222222222')]
  const told: (readonly string[])[] = []
  call.write = ((one: AuthorizeStreamResponse, taken: () => void) => {
    const { value } = one.message as { value: { obligations?: { profiles?: { id: string }[] } } }
    told.push((value.obligations?.profiles ?? []).map(({ id }) => id))
    taken()
    return true
  }) as typeof call.write
  for (const profile of [first, first, second, first]) {
    await run(['authorize'])
    const obligations = { ...NO_OBLIGATIONS, mask: [profile.id] }
    const allow = { ...DECISION, effect: 'allow' as const, obligations, profiles: [profile] }
    decisions.get(decisions.size)?.resolve(allow)
    await turn()
    await clock.advance(0)
  }
  expect(told).toEqual([[first.id], [], [second.id], [first.id]])
})

test('createAuthorizeStream() ends the stream of a session that nobody knows, before it says anything', () => {
  const stranger = open('a-session-of-nobody')
  expect(stranger.error?.code).toBe(status.UNAUTHENTICATED)
  expect(stranger.said).toEqual([])
})

test('createAuthorizeStream() refuses what is beyond 1,024 questions at the same time, and takes more later', async () => {
  const ask = (correlation: number) => {
    const message = SENT.authorize as Parameters<typeof create>[1]
    call.push(create(AuthorizeStreamRequestSchema, { correlation, message } as typeof message))
  }
  for (let n = 1; n <= 1_025; n += 1) ask(n)
  await clock.advance(0)
  expect([decisions.size, call.said]).toEqual([1_024, ['metadata', '1025 failure overloaded']])
  decisions.get(1)?.resolve({ ...DECISION, effect: 'deny' })
  await clock.advance(0)
  ask(1_026)
  await clock.advance(0)
  expect(decisions.size).toBe(1_025)
})
