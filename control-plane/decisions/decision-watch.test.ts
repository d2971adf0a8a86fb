import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { createLogger } from '../../platform/logger.ts'
import { aRequest } from '../../test/support/policy-builders.ts'
import { AGENT, anEnrolledBinding } from '../../test/support/record-builders.ts'
import { createDecisionWatch, type WatchedDecision, watchedDecisionKey } from './decision-watch.ts'

const TIMES = { settleMs: 10, answerMsMax: 200, retryMs: 20 }
const away = () => Promise.reject(new Error('the authorizer is away'))

const binding = anEnrolledBinding([AGENT], 1)

function anOpenDecision(
  change: Partial<WatchedDecision> = {},
): WatchedDecision & { revoked: string[] } {
  const revoked: string[] = []
  const question = {
    attributes: aRequest({}),
    container: 'app',
    userAgent: '',
    targetContainer: '',
    refusedBecause: '',
  }
  const revoke = (why: string) => void revoked.push(why)
  return { decisionId: 'a', binding, question, revoke, revoked, ...change }
}

function aDecisionWatch(stillAllows: () => Promise<boolean>) {
  const logger = createLogger({ name: 'x', level: 'error' }, { write: () => undefined })
  return createDecisionWatch({ stillAllows }, logger, TIMES)
}

test('recheck() revokes what no longer holds, once', async () => {
  const open = aDecisionWatch(() => Promise.resolve(false))
  const decision = anOpenDecision()
  open.open(decision, open.changes())
  open.recheck()
  open.recheck()
  await vi.waitFor(() => expect(decision.revoked).toHaveLength(1))
  expect(open.size()).toBe(0)
})

test('recheck() revokes what cannot be judged in time, and not before', async () => {
  const open = aDecisionWatch(away)
  const decision = anOpenDecision()
  open.open(decision, open.changes())
  const began = performance.now()
  open.recheck()
  await vi.waitFor(() => expect(decision.revoked).toHaveLength(1))
  expect(performance.now() - began).toBeGreaterThan(150)
})

test('recheck() waits no longer because more changes while no answer comes', async () => {
  const open = aDecisionWatch(away)
  const decision = anOpenDecision()
  open.open(decision, open.changes())
  const again = setInterval(() => open.recheck(), 30)
  await vi.waitFor(() => expect(decision.revoked).toHaveLength(1), { timeout: 500 })
  clearInterval(again)
})

test('recheck() counts the time from the change that it is told of', async () => {
  const open = aDecisionWatch(away)
  const decision = anOpenDecision()
  open.open(decision, open.changes())
  open.recheck(performance.now() - 1_000)
  await vi.waitFor(() => expect(decision.revoked).toHaveLength(1), { timeout: 100 })
})

test.each([
  ['goes on when the answer is yes', true, 0],
  ['is revoked when it is no', false, 1],
])(
  'recheck() asks again for an answer that stays away: what is open %s',
  async (_name, answer, revoked) => {
    const answers = [away, away, () => Promise.resolve(answer)]
    let asked = 0
    const open = aDecisionWatch(() => {
      asked += 1
      return answers.shift()?.() ?? away()
    })
    const decision = anOpenDecision()
    open.open(decision, open.changes())
    open.recheck()
    await vi.waitFor(() => expect(asked).toBe(3))
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(asked).toBe(3)
    expect(decision.revoked).toHaveLength(revoked)
  },
)

test('recheck() judges few at the same time and leaves out none', async () => {
  let atOnce = 0
  let most = 0
  const open = aDecisionWatch(async () => {
    atOnce += 1
    most = Math.max(most, atOnce)
    await new Promise((resolve) => setTimeout(resolve, 1))
    atOnce -= 1
    return false
  })
  const decisions = Array.from({ length: 1_000 }, (_, id) =>
    anOpenDecision({ decisionId: `${id}` }),
  )
  for (const decision of decisions) open.open(decision, open.changes())
  open.recheck()
  await vi.waitFor(() => expect(open.size()).toBe(0), { timeout: 5_000 })
  expect(most).toBe(32)
  expect(decisions.every(({ revoked }) => revoked.length === 1)).toBe(true)
})

test('recheck() judges again what was being judged when something changed', async () => {
  const answers: ((allowed: boolean) => void)[] = []
  const open = aDecisionWatch(() => new Promise((resolve) => void answers.push(resolve)))
  const decision = anOpenDecision()
  open.open(decision, open.changes())
  open.recheck()
  await vi.waitFor(() => expect(answers).toHaveLength(1))
  open.recheck()
  await vi.waitFor(() => expect(answers).toHaveLength(2))
  answers[1]?.(false)
  answers[0]?.(true)
  await vi.waitFor(() => expect(decision.revoked).toHaveLength(1))
})

test('close() leaves nothing to judge', async () => {
  const stillAllows = vi.fn(() => Promise.resolve(false))
  const open = aDecisionWatch(stillAllows)
  const decision = anOpenDecision()
  open.resume(decision)
  open.close(binding.podUid, 'a')
  await new Promise((resolve) => setTimeout(resolve, 30))
  expect(stillAllows).not.toHaveBeenCalled()
  expect(decision.revoked).toEqual([])
})

test('open() judges again what was decided before a change', async () => {
  const open = aDecisionWatch(() => Promise.resolve(false))
  const decision = anOpenDecision()
  const changes = open.changes()
  open.recheck()
  open.open(decision, changes)
  await vi.waitFor(() => expect(decision.revoked).toHaveLength(1))
})

test('resume() judges again immediately', async () => {
  const open = aDecisionWatch(() => Promise.resolve(false))
  const decision = anOpenDecision()
  open.resume(decision)
  await vi.waitFor(() => expect(decision.revoked).toHaveLength(1))
})

test('release() leaves alone what another stream has resumed', () => {
  const open = aDecisionWatch(() => Promise.resolve(true))
  const [first, second] = [anOpenDecision(), anOpenDecision()]
  open.open(first, open.changes())
  open.resume(second)
  open.release(first)
  expect(open.size()).toBe(1)
  open.release(second)
  expect(open.size()).toBe(0)
})

test('close() and resume() reach nothing of another pod', () => {
  const open = aDecisionWatch(() => Promise.resolve(true))
  const other = { ...binding, podUid: 'another-pod' }
  open.open(anOpenDecision(), open.changes())
  open.close(other.podUid, 'a')
  open.resume(anOpenDecision({ binding: other }))
  open.close(other.podUid, 'a')
  expect(open.size()).toBe(1)
})

test('watchedDecisionKey() is equal for the same pod and decision only', () => {
  const word = fc.stringMatching(/^[a :1]{0,4}$/)
  fc.assert(
    fc.property(fc.tuple(word, word), fc.tuple(word, word), (one, other) => {
      const same = one[0] === other[0] && one[1] === other[1]
      expect(watchedDecisionKey(...one) === watchedDecisionKey(...other)).toBe(same)
    }),
  )
})
