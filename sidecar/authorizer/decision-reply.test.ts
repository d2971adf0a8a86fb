import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { NO_OBLIGATIONS } from '../../core/policy/obligations.ts'
import {
  AuthorizeResponseSchema,
  AuthorizeStreamResponseSchema,
  Effect,
} from '../../proto/gen/lanyard/v1/authorization_pb.ts'
import { parseAnswer, parseDecisionReply } from './decision-reply.ts'

function decision(init: MessageInitShape<typeof AuthorizeResponseSchema>) {
  return create(AuthorizeResponseSchema, init)
}

function answer(init: MessageInitShape<typeof AuthorizeStreamResponseSchema>) {
  return create(AuthorizeStreamResponseSchema, init).message
}

test('parseDecisionReply() reads an allow', () => {
  expect(
    parseDecisionReply(decision({ decisionId: '01J', effect: Effect.ALLOW, warning: 'w' })),
  ).toEqual({
    effect: 'allow',
    id: '01J',
    obligations: NO_OBLIGATIONS,
    maskKey: new Uint8Array(),
    warning: 'w',
    impersonationJudged: false,
  })
})

test('parseDecisionReply() reads whether an impersonation was judged', () => {
  const response = decision({ decisionId: '01J', effect: Effect.ALLOW, impersonationJudged: true })
  expect(parseDecisionReply(response)).toMatchObject({ effect: 'allow', impersonationJudged: true })
})

test('parseDecisionReply() reads a deny with its causes', () => {
  const causes = [{ reason: 'LanyardReason', field: 'reason', message: 'no_rule' }]
  const response = decision({ decisionId: '01J', effect: Effect.DENY, message: 'no', causes })
  expect(parseDecisionReply(response)).toEqual({ effect: 'deny', id: '01J', message: 'no', causes })
})

const MASK = { mask: ['secret-values'], record: true, commands: [{ words: ['rm', '*'] }] }

test('parseDecisionReply() reads an allow with obligations', () => {
  const effect = Effect.ALLOW_WITH_OBLIGATIONS
  const maskKey = new Uint8Array(32).fill(7)
  const response = decision({ decisionId: '01J', effect, obligations: { ...MASK, maskKey } })
  expect(parseDecisionReply(response)).toMatchObject({
    ...{ effect: 'allow', maskKey },
    obligations: { mask: ['secret-values'], record: 'output', commands: [['rm', '*']] },
  })
})

test.each([
  ['what it says', 30, 30],
  ['a while where it does not say', 0, 15],
  ['an hour at most', 4_000_000_000, 3_600],
])('parseDecisionReply() reads a hold, and to ask again after %s', (_name, said, want) => {
  const causes = [{ reason: 'LanyardReason', field: 'reason', message: 'approval_required' }]
  const parts = { effect: Effect.HOLD, message: 'wait', causes, retryAfterSeconds: said }
  expect(parseDecisionReply(decision({ decisionId: '01J', ...parts }))).toEqual({
    ...{ effect: 'hold', id: '01J', message: 'wait', causes, retryAfterSeconds: want },
  })
})

test.each(['Obligations', 'CommandPattern'])(
  'parseDecisionReply() refuses %s with a field that it does not know',
  (where) => {
    const effect = Effect.ALLOW_WITH_OBLIGATIONS
    const response = decision({ decisionId: '01J', effect, obligations: MASK })
    const unknown = [{ no: 15, wireType: 0, data: new Uint8Array([1]) }]
    const [pattern] = response.obligations?.commands ?? []
    Object.assign((where === 'Obligations' ? response.obligations : pattern) ?? {}, {
      $unknown: unknown,
    })
    expect(() => parseDecisionReply(response)).toThrow(/Cannot read the decision/)
  },
)

test.each([
  ['the empty message', {}],
  ['obligations that are none', { decisionId: '01J', effect: Effect.ALLOW_WITH_OBLIGATIONS }],
  [
    'obligations beside a plain allow',
    { decisionId: '01J', effect: Effect.ALLOW, obligations: MASK },
  ],
  ['a hold without a record', { effect: Effect.HOLD }],
  ['the zero effect', { decisionId: '01J' }],
  ['an effect of a later version', { decisionId: '01J', effect: 5 as Effect }],
  ['a negative effect', { decisionId: '01J', effect: -2 as Effect }],
  ['an allow without a record', { effect: Effect.ALLOW }],
  ['an allow whose id is two headers', { decisionId: 'a\r\nx: y', effect: Effect.ALLOW }],
  ['an allow whose id is too long', { decisionId: 'a'.repeat(65), effect: Effect.ALLOW }],
])('parseDecisionReply() refuses %s', (_name, init) => {
  expect(() => parseDecisionReply(decision(init))).toThrow(
    expect.objectContaining({ code: 'decision_unavailable' }),
  )
})

test.each([
  ['audit_unavailable', 'audit_unavailable'],
  ['overloaded', 'overloaded'],
  ['identity_unverified', 'decision_unavailable'],
  ['config_invalid', 'decision_unavailable'],
  ['toString', 'decision_unavailable'],
  ['', 'decision_unavailable'],
])('parseAnswer() turns the failure %j into %s', (code, want) => {
  const message = answer({ message: { case: 'failure', value: { code, message: 'x' } } })
  expect(() => parseAnswer(message)).toThrow(expect.objectContaining({ code: want }))
})

test('parseAnswer() refuses an answer without a case', () => {
  expect(() => parseAnswer(answer({}))).toThrow(/Cannot read the decision/)
})

test('parseAnswer() refuses a revocation in the place of a decision', () => {
  const message = answer({ message: { case: 'revocation', value: { decisionId: '01J' } } })
  expect(() => parseAnswer(message)).toThrow(/Cannot read the decision/)
})
