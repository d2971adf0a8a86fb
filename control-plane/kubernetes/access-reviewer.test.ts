import { setImmediate as settle } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { createLogger } from '../../platform/logger.ts'
import { aRequest } from '../../test/support/policy-builders.ts'
import { aUser } from '../../test/support/record-builders.ts'
import { AUTHORIZER_LAG_MS, createAccessReviewer, mayAccess } from './access-reviewer.ts'

type Api = Parameters<typeof createAccessReviewer>[0]
type Review = Parameters<Api['createSubjectAccessReview']>[0]['body']

const TTL_MS = 10_000
const ASKER = { root: 'alice', pod: 'pod' }
const alice = aUser('alice')

function aReviewer(answer: (review: Review) => Promise<boolean>) {
  const asked: Review[] = []
  const clock = { nowMs: 1_000_000 }
  const state = { watching: true }
  const createSubjectAccessReview = async ({ body }: { body: Review }) => {
    asked.push(body)
    return { ...body, status: { allowed: await answer(body) } }
  }
  const reviewer = createAccessReviewer({ createSubjectAccessReview } as Api, {
    ttlMs: TTL_MS,
    isWatching: () => state.watching,
    now: () => clock.nowMs,
    logger: createLogger({ name: 'x', level: 'error' }, { write: () => undefined }),
  })
  return { reviewer, asked, clock, state }
}

test('review() asks once, and again when the answer is too old', async () => {
  const { reviewer, asked, clock } = aReviewer(async () => true)
  expect(await reviewer.review(alice, aRequest({}), ASKER)).toBe('allowed')
  expect(await reviewer.review(alice, aRequest({}), ASKER)).toBe('allowed')
  expect(asked).toHaveLength(1)
  clock.nowMs += TTL_MS
  expect(reviewer.peek(alice, aRequest({}))).toBeUndefined()
  await reviewer.review(alice, aRequest({}), ASKER)
  expect(asked).toHaveLength(2)
})

test('review() shares one question among those who ask it at the same time', async () => {
  const { reviewer, asked } = aReviewer(async () => true)
  const both = [
    reviewer.review(alice, aRequest({}), ASKER),
    reviewer.review(alice, aRequest({}), ASKER),
  ]
  expect(await Promise.all(both)).toEqual(['allowed', 'allowed'])
  expect(asked).toHaveLength(1)
})

test('review() asks for each verb that is judged, and one no is a no', async () => {
  const { reviewer, asked } = aReviewer(
    async ({ spec }) => spec.resourceAttributes?.verb !== 'create',
  )
  const put = aRequest({ verb: 'update', alsoVerbs: ['create'] })
  expect(await reviewer.review(alice, put, ASKER)).toBe('denied')
  expect(asked.map(({ spec }) => spec.resourceAttributes?.verb)).toEqual(['update', 'create'])
})

test('review() is unknown without an answer, and does not keep that', async () => {
  const { reviewer, asked } = aReviewer(() => Promise.reject(new Error('away')))
  expect(await reviewer.review(alice, aRequest({}), ASKER)).toBe('unknown')
  expect(await reviewer.review(alice, aRequest({}), ASKER)).toBe('unknown')
  expect(asked).toHaveLength(2)
})

test('review() keeps nothing while changes are not seen', async () => {
  const { reviewer, asked, state } = aReviewer(async () => true)
  await reviewer.review(alice, aRequest({}), ASKER)
  state.watching = false
  expect(reviewer.peek(alice, aRequest({}))).toBeUndefined()
  await reviewer.review(alice, aRequest({}), ASKER)
  await reviewer.review(alice, aRequest({}), ASKER)
  expect(asked).toHaveLength(3)
})

test('forget() drops what is known, and what was asked before it', async () => {
  const gate = Promise.withResolvers<boolean>()
  const { reviewer, asked, clock } = aReviewer(() => gate.promise)
  const early = reviewer.review(alice, aRequest({}), ASKER)
  reviewer.forget()
  clock.nowMs += AUTHORIZER_LAG_MS
  const late = reviewer.review(alice, aRequest({}), ASKER)
  gate.resolve(true)
  expect(await Promise.all([early, late])).toEqual(['allowed', 'allowed'])
  expect(asked).toHaveLength(2)
  reviewer.forget()
  expect(reviewer.peek(alice, aRequest({}))).toBeUndefined()
})

test('forget() leaves answers unkept until the authorizer has heard of the change too', async () => {
  let allowed = true
  const { reviewer, clock } = aReviewer(async () => allowed)
  reviewer.forget()
  expect(await reviewer.review(alice, aRequest({}), ASKER)).toBe('allowed')
  allowed = false
  expect(await reviewer.review(alice, aRequest({}), ASKER)).toBe('denied')
  clock.nowMs += AUTHORIZER_LAG_MS
  await reviewer.review(alice, aRequest({}), ASKER)
  expect(reviewer.peek(alice, aRequest({}))).toBe('denied')
})

test.each([
  ['another user', aUser('bob'), aRequest({})],
  ['other groups', aUser('alice', ['admins']), aRequest({})],
  ['another name', alice, aRequest({ name: 'other' })],
  ['another namespace', alice, aRequest({ namespace: 'other' })],
  ['another verb', alice, aRequest({ verb: 'delete' })],
  ['another subresource', alice, aRequest({ subresource: 'log' })],
  [
    'a path that ends like a user',
    alice,
    aRequest({ resourceRequest: false, path: '/x ["bob","",["system:masters"],[]]' }),
  ],
])('peek() does not answer for %s', async (_name, user, attributes) => {
  const { reviewer } = aReviewer(async () => true)
  await reviewer.review(alice, aRequest({}), ASKER)
  expect(reviewer.peek(alice, aRequest({}))).toBe('allowed')
  expect(reviewer.peek(user, attributes)).toBeUndefined()
})

test('review() sends what the authorizer needs, and a path as a path', async () => {
  const { reviewer, asked } = aReviewer(async () => true)
  const user = { ...alice, uid: 'u1', extra: { scopes: ['a', 'b'] } }
  await reviewer.review(user, aRequest({ resourceRequest: false, path: '/version' }), ASKER)
  expect(asked[0]?.spec).toEqual({
    user: 'alice',
    uid: 'u1',
    groups: user.groups,
    extra: { scopes: ['a', 'b'] },
    nonResourceAttributes: { path: '/version', verb: 'get' },
  })
})

test('review() is unknown when kube-apiserver takes longer than anyone waits', async () => {
  vi.useFakeTimers()
  const { reviewer } = aReviewer(() => new Promise(() => undefined))
  const answer = reviewer.review(alice, aRequest({}), ASKER)
  await vi.advanceTimersByTimeAsync(4_000)
  expect(await answer).toBe('unknown')
  vi.useRealTimers()
})

test('mayAccess() tells no answer from a no', async () => {
  const answers = [() => true, () => false, () => Promise.reject(new Error('away'))]
  const { reviewer } = aReviewer(async () => answers.shift()?.() ?? false)
  const ask = (name: string) => mayAccess(reviewer, alice, aRequest({ name }))
  expect(await ask('a')).toBe(true)
  expect(await ask('b')).toBe(false)
  await expect(ask('c')).rejects.toMatchObject({ code: 'decision_unavailable' })
})

test('review() of a pod that asks for hundreds of names leaves room for others, and refuses the rest', async () => {
  const gate = Promise.withResolvers<boolean>()
  const { reviewer, asked } = aReviewer(() => gate.promise)
  const flood = Array.from({ length: 450 }, (_, number) =>
    reviewer.review(alice, aRequest({ name: `n${number}` }), ASKER),
  )
  const settled = Promise.allSettled(flood)
  const other = reviewer.review(aUser('bob'), aRequest({}), { root: 'bob', pod: 'other' })
  await settle()
  expect(asked.map(({ spec }) => spec.user)).toContain('bob')
  expect(asked.length).toBeLessThan(20)
  gate.resolve(true)
  expect(await other).toBe('allowed')
  const results = await settled
  const refused = results.filter(({ status }) => status === 'rejected')
  expect(refused).toHaveLength(450 - asked.length + 1)
  expect(refused[0]).toMatchObject({ reason: { code: 'overloaded' } })
})

test('review() of a question that another pod has waiting behind its flood does not wait with it', async () => {
  const gate = Promise.withResolvers<boolean>()
  const { reviewer, asked } = aReviewer(() => gate.promise)
  const flood = Array.from({ length: 100 }, (_, number) =>
    reviewer.review(alice, aRequest({ name: `n${number}` }), ASKER),
  )
  const both = aRequest({ name: 'both' })
  flood.push(reviewer.review(aUser('agent'), both, ASKER))
  const other = reviewer.review(aUser('agent'), both, { root: 'bob', pod: 'other' })
  await settle()
  expect(asked.filter(({ spec }) => spec.user === 'agent')).toHaveLength(1)
  gate.resolve(true)
  expect(await other).toBe('allowed')
  expect(new Set(await Promise.all(flood))).toEqual(new Set(['allowed']))
  // Asked once all the same: whoever has its turn later finds the answer.
  expect(asked.filter(({ spec }) => spec.user === 'agent')).toHaveLength(1)
})
