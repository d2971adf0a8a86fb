import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import {
  AuthorizeResponseSchema,
  AuthorizeStreamResponseSchema,
  Effect,
} from '../../proto/gen/lanyard/v1/authorization_pb.ts'
import { readAnswer, readDecision } from './decision.ts'

function decision(init: MessageInitShape<typeof AuthorizeResponseSchema>) {
  return create(AuthorizeResponseSchema, init)
}

function answer(init: MessageInitShape<typeof AuthorizeStreamResponseSchema>) {
  return create(AuthorizeStreamResponseSchema, init).message
}

test('readDecision() reads an allow', () => {
  expect(readDecision(decision({ decisionId: '01J', effect: Effect.ALLOW, warning: 'w' }))).toEqual(
    {
      effect: 'allow',
      id: '01J',
      warning: 'w',
      impersonationJudged: false,
    },
  )
})

test('readDecision() reads whether an impersonation was judged', () => {
  const response = decision({ decisionId: '01J', effect: Effect.ALLOW, impersonationJudged: true })
  expect(readDecision(response)).toMatchObject({ effect: 'allow', impersonationJudged: true })
})

test('readDecision() reads a deny with its causes', () => {
  const causes = [{ reason: 'LanyardReason', field: 'reason', message: 'no_rule' }]
  const response = decision({ decisionId: '01J', effect: Effect.DENY, message: 'no', causes })
  expect(readDecision(response)).toEqual({ effect: 'deny', id: '01J', message: 'no', causes })
})

test.each([
  ['the empty message', {}],
  ['the zero effect', { decisionId: '01J' }],
  ['an effect of a later version', { decisionId: '01J', effect: 3 as Effect }],
  ['a negative effect', { decisionId: '01J', effect: -2 as Effect }],
  ['an allow without a record', { effect: Effect.ALLOW }],
  ['an allow whose id is two headers', { decisionId: 'a\r\nx: y', effect: Effect.ALLOW }],
  ['an allow whose id is too long', { decisionId: 'a'.repeat(65), effect: Effect.ALLOW }],
])('readDecision() refuses %s', (_name, init) => {
  expect(() => readDecision(decision(init))).toThrow(
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
])('readAnswer() turns the failure %j into %s', (code, want) => {
  const message = answer({ message: { case: 'failure', value: { code, message: 'x' } } })
  expect(() => readAnswer(message)).toThrow(expect.objectContaining({ code: want }))
})

test('readAnswer() refuses an answer without a case', () => {
  expect(() => readAnswer(answer({}))).toThrow(/Cannot read the decision/)
})

test('readAnswer() refuses a revocation in the place of a decision', () => {
  const message = answer({ message: { case: 'revocation', value: { decisionId: '01J' } } })
  expect(() => readAnswer(message)).toThrow(/Cannot read the decision/)
})
