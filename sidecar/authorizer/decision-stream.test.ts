import { EventEmitter } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { create } from '@bufbuild/protobuf'
import type { Metadata } from '@grpc/grpc-js'
import { expect, test } from 'vitest'
import { isInLane } from '../../core/audit/decision-id.ts'
import type { Question } from '../../core/authorization/question.ts'
import {
  AuthorizeStreamResponseSchema,
  Effect,
} from '../../proto/gen/lanyard/v1/authorization_pb.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { aRequest } from '../../test/support/policy-builders.ts'
import { DecisionIds } from './decision-ids.ts'
import { DecisionStream, type DecisionStreamOptions } from './decision-stream.ts'

interface Written {
  readonly correlation: number
  readonly message: { readonly case: string; readonly value: unknown }
}

/** The client's half of a call: keeps what is written, and says what the test has it say. */
class FakeCall extends EventEmitter {
  readonly written: Written[] = []
  session: unknown
  ended = false
  cancelled = false

  write(message: Written, taken: () => void): void {
    this.written.push(message)
    taken()
  }

  end(): void {
    this.ended = true
    this.emit('end')
  }

  cancel(): void {
    this.cancelled = true
  }

  say(correlation: number, message: Record<string, unknown>): void {
    this.emit('data', create(AuthorizeStreamResponseSchema, { correlation, message } as object))
  }

  allow(correlation: number, decisionId: string, mayBeForeseen = false): void {
    const value = { decisionId, effect: Effect.ALLOW, mayBeForeseen }
    this.say(correlation, { case: 'decision', value })
  }
}

function aQuestion(container: string): Question {
  return {
    attributes: aRequest({}),
    ...{ container, targetContainer: '', userAgent: '', refusedBecause: '' },
  }
}

const LANE = '0123456789'

function aStream(lane?: string) {
  const clock = new ManualClock()
  const call = new FakeCall()
  const told: string[] = []
  const authorizeStream = (metadata: Metadata) => {
    call.session = metadata.get('authorization')[0]
    return call
  }
  const ids =
    lane === undefined
      ? undefined
      : new DecisionIds({ lane, controlPlaneMs: 1_000_000, clock, random: () => 0 })
  const stream = new DecisionStream({
    client: { authorizeStream } as unknown as DecisionStreamOptions['client'],
    ...{ session: 's', timeoutMs: 1_000, clock, ids },
    onAlive: () => told.push('alive'),
    onDecision: ({ id }) => told.push(`decided ${id}`),
    onLateDecision: ({ id }) => told.push(`late ${id}`),
    onRevocation: (id, { code, message }) => told.push(`revoked ${id}: ${code} ${message}`),
  })
  return { clock, call, told, stream }
}

test('ask() matches answers to questions by number, in any order', async () => {
  const { call, stream, told } = aStream()
  const answers = [stream.ask(aQuestion('a')), stream.ask(aQuestion('b'))]
  await turn()
  expect(call.session).toBe('Bearer s')
  call.allow(2, 'second')
  call.allow(1, 'first')
  expect(await Promise.all(answers)).toMatchObject([{ id: 'first' }, { id: 'second' }])
  expect(told).toEqual(['alive', 'decided second', 'decided first'])
})

test('ask() gives up when its time is over; a decision that comes then is late', async () => {
  const { clock, call, stream, told } = aStream()
  const first = expect(stream.ask(aQuestion('app'))).rejects.toMatchObject({
    code: 'decision_timeout',
  })
  await clock.advance(400)
  const second = expect(stream.ask(aQuestion('app'))).rejects.toMatchObject({
    code: 'decision_timeout',
  })
  await clock.advance(600)
  await first
  call.allow(1, 'late')
  expect(told).toEqual(['alive', 'late late'])
  await clock.advance(400)
  await second
  expect(clock.waiting).toBe(0)
})

test('ask() refuses what is not plainly a decision, and what the control plane failed with', async () => {
  const { call, stream } = aStream()
  const answers = ['unreadable', 'failed'].map((container) => stream.ask(aQuestion(container)))
  const refused = [
    expect(answers[0]).rejects.toMatchObject({ code: 'decision_unavailable' }),
    expect(answers[1]).rejects.toMatchObject({ code: 'overloaded' }),
  ]
  await turn()
  call.say(1, { case: 'decision', value: { decisionId: 'x', effect: Effect.UNSPECIFIED } })
  call.say(2, { case: 'failure', value: { code: 'overloaded', message: 'busy' } })
  await Promise.all(refused)
})

test.each([
  ['breaks', (call: FakeCall) => void call.emit('error', new Error('cut')), 'cut'],
  ['is ended by the control plane', (call: FakeCall) => void call.emit('end'), undefined],
])('ask() refuses when the stream %s, then and afterwards', async (_name, over, message) => {
  const { call, stream } = aStream()
  const refused = expect(stream.ask(aQuestion('app'))).rejects.toMatchObject({
    code: 'decision_unavailable',
  })
  over(call)
  await refused
  expect(((await stream.ended) as Error | undefined)?.message).toBe(message)
  await expect(stream.ask(aQuestion('app'))).rejects.toMatchObject({ code: 'decision_unavailable' })
  stream.send({ decisionId: 'd', httpStatus: 200, fault: '', responseBytes: 0n })
  stream.resume('d', aQuestion('app'))
  await turn()
  expect(call.written.map(({ message: { case: kind } }) => kind)).toEqual(['authorize'])
})

test('a revocation is told, alone or in a batch, as a denial unless nobody could tell', () => {
  const { call, told } = aStream()
  const revocation = (code: string) => ({
    case: 'revocation',
    value: { decisionId: 'd', message: 'no longer', code },
  })
  call.say(0, revocation(''))
  call.say(0, { case: 'batch', value: { messages: [{ message: revocation('of tomorrow') }] } })
  call.say(0, revocation('decision_unavailable'))
  expect(told).toEqual([
    'alive',
    'revoked d: permission_denied no longer',
    'revoked d: permission_denied no longer',
    'revoked d: decision_unavailable no longer',
  ])
})

test('finish() waits for open questions, at most its time, and ends the call', async () => {
  const { clock, call, stream } = aStream()
  const asked = stream.ask(aQuestion('app'))
  const finished = stream.finish(500)
  await clock.advance(499)
  expect(call.ended).toBe(false)
  call.allow(1, 'in-time')
  await finished
  expect((await asked).id).toBe('in-time')
  expect([call.ended, call.cancelled]).toEqual([true, true])
})

test('finish() refuses what is still open when its time is over', async () => {
  const { clock, call, stream } = aStream()
  const refused = expect(stream.ask(aQuestion('app'))).rejects.toMatchObject({
    code: 'decision_unavailable',
  })
  const finished = stream.finish(500)
  await clock.advance(500)
  await Promise.all([refused, finished])
  expect(call.cancelled).toBe(true)
})

const NOTHING = { case: undefined }
const CHANGED = { case: 'changed', value: {} }
const REVOCATION = { case: 'revocation', value: { decisionId: 'd', message: 'no longer' } }
const FAILURE = { case: 'failure', value: { code: 'overloaded', message: 'busy' } }
const DENIAL = { case: 'decision', value: { decisionId: 'd', effect: Effect.DENY } }
const WARNED = {
  case: 'decision',
  value: { decisionId: 'd', effect: Effect.ALLOW, warning: 'ends soon', mayBeForeseen: true },
}

/** A stream over which `question` was allowed as number 1. */
async function afterAllow(lane?: string, mayBeForeseen = true) {
  const world = aStream(lane)
  const asked = world.stream.ask(aQuestion('app'))
  world.call.allow(1, 'first', mayBeForeseen)
  await asked
  return world
}

test('foresee() gives an id for the question that was allowed, and ask() says it', async () => {
  const { call, stream } = await afterAllow(LANE)
  expect(stream.foresee(aQuestion('other'))).toBeUndefined()
  const id = stream.foresee(aQuestion('app')) ?? ''
  expect(isInLane(id, LANE)).toBe(true)
  await turn()
  void stream.ask(aQuestion('app'), id)
  await turn()
  expect(call.written.at(-1)).toMatchObject({ message: { value: { decisionId: id } } })
})

test.each<[string, string | undefined, boolean]>([
  ['the control plane takes no ids', undefined, true],
  ['the allow does not say that it may', LANE, false],
])('foresee() gives none when %s', async (_name, lane, mayBeForeseen) => {
  const { stream } = await afterAllow(lane, mayBeForeseen)
  expect(stream.foresee(aQuestion('app'))).toBeUndefined()
})

test.each<[string, object, number]>([
  ['a change', CHANGED, 0],
  ['a revocation', REVOCATION, 0],
  ['a change in a batch', { case: 'batch', value: { messages: [{ message: CHANGED }] } }, 0],
  ['a denial of the same question', DENIAL, 2],
  ['a failure of any question', FAILURE, 3],
  ['what cannot be read', NOTHING, 3],
  ['an allow that warns', WARNED, 2],
])('foresee() gives none after %s', async (_name, message, correlation) => {
  const { call, stream } = await afterAllow(LANE)
  const others = [stream.ask(aQuestion('app')), stream.ask(aQuestion('other'))]
  for (const other of others) other.catch(() => undefined)
  call.say(correlation, message as Record<string, unknown>)
  expect(stream.foresee(aQuestion('app'))).toBeUndefined()
})

test.each<[string, object, number]>([
  ['a denial of another question', DENIAL, 3],
  ['an allow of another that may not', { ...WARNED }, 3],
])('foresee() still gives one after %s', async (_name, message, correlation) => {
  const { call, stream } = await afterAllow(LANE)
  void stream.ask(aQuestion('app'))
  void stream.ask(aQuestion('other'))
  call.say(correlation, message as Record<string, unknown>)
  expect(stream.foresee(aQuestion('app'))).toBeDefined()
})

test('foresee() gives none while a question waits for longer than a second', async () => {
  const { clock, call, stream } = await afterAllow(LANE)
  const other = stream.ask(aQuestion('other'))
  await clock.advance(999)
  expect(stream.foresee(aQuestion('app'))).toBeDefined()
  call.allow(2, 'second')
  await other
  const late = stream.ask(aQuestion('other'))
  late.catch(() => undefined)
  await clock.advance(1_000)
  expect(stream.foresee(aQuestion('app'))).toBeUndefined()
  call.allow(3, 'third')
  expect(stream.foresee(aQuestion('app'))).toBeUndefined()
})

test('foresee() gives none once the stream is over', async () => {
  const { call, stream } = await afterAllow(LANE)
  call.emit('error', new Error('cut'))
  expect(stream.foresee(aQuestion('app'))).toBeUndefined()
})

test('foresee() gives none over a stream on which a read that was sent ahead failed', async () => {
  const { call, stream } = await afterAllow(LANE)
  const ahead = stream.ask(aQuestion('app'), stream.foresee(aQuestion('app')))
  call.say(2, FAILURE)
  await expect(ahead).rejects.toMatchObject({ code: 'overloaded' })
  const asked = stream.ask(aQuestion('app'))
  call.allow(3, 'third', true)
  await asked
  expect(stream.foresee(aQuestion('app'))).toBeUndefined()
})
