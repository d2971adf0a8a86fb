import { create } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { Fault } from '../../core/fault.ts'
import { NO_OBLIGATIONS } from '../../core/policy/obligations.ts'
import { createLogger } from '../../platform/logger.ts'
import { AuthorizeRequestSchema, Effect } from '../../proto/gen/lanyard/v1/authorization_pb.ts'
import { AGENT, anEnrolledBinding } from '../../test/support/record-builders.ts'
import type { Prospect } from '../decisions/prospect.ts'
import { createChainReview } from './chain-review.ts'

const session = { binding: anEnrolledBinding([AGENT], 1), expiresAtMs: Number.MAX_SAFE_INTEGER }
const YES: Prospect = { effect: 'allow', obligations: NO_OBLIGATIONS, reason: '' }
const question = (name: string) => create(AuthorizeRequestSchema, { attributes: { name } })

function aReview(prospect: (name: string) => Promise<Prospect>) {
  const logger = createLogger({ name: 'test', level: 'error' }, { write: () => undefined })
  const unused = () => Promise.reject(new Error('a review decides nothing'))
  const decider = {
    decide: unused,
    stillAllows: unused,
    prospect: (_binding: unknown, { attributes }: { attributes: { name: string } }) =>
      prospect(attributes.name),
  }
  return createChainReview({ decider, logger })
}

test('createChainReview() answers in the order of the questions, errors in their places', async () => {
  const review = aReview(async (name) => {
    if (name === 'b') throw new Fault('overloaded', 'wait')
    return { ...YES, effect: name === 'a' ? 'allow' : 'deny' }
  })
  await expect(review(session, ['a', 'b', 'c'].map(question))).resolves.toEqual([
    { effect: Effect.ALLOW, reason: '' },
    { effect: Effect.DENY, error: 'wait' },
    { effect: Effect.DENY, reason: '' },
  ])
})

test('createChainReview() takes 100 questions and refuses more', async () => {
  const review = aReview(async () => YES)
  const many = (count: number) => Array.from({ length: count }, () => question('a'))
  await expect(review(session, many(100))).resolves.toHaveLength(100)
  await expect(review(session, many(101))).rejects.toMatchObject({ code: 'request_invalid' })
})

test('createChainReview() refuses the seventeenth call of a pod at the same time, and no later one', async () => {
  const held = Promise.withResolvers<Prospect>()
  const review = aReview(() => held.promise)
  const running = Array.from({ length: 16 }, () => review(session, [question('a')]))
  await expect(review(session, [question('a')])).rejects.toMatchObject({ code: 'overloaded' })
  held.resolve(YES)
  await Promise.all(running)
  await expect(review(session, [question('a')])).resolves.toHaveLength(1)
})

test('createChainReview() says no to a question without attributes', async () => {
  const review = aReview(async () => YES)
  const [prospect] = await review(session, [create(AuthorizeRequestSchema, {})])
  expect(prospect).toMatchObject({ effect: Effect.DENY, error: expect.any(String) })
})
