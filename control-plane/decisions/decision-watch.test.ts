import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { NO_OBLIGATIONS } from '../../core/policy/obligations.ts'
import { createLogger } from '../../platform/logger.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { aRequest } from '../../test/support/policy-builders.ts'
import { AGENT, anEnrolledBinding } from '../../test/support/record-builders.ts'
import { createDecisionWatch } from './decision-watch.ts'
import { type WatchedDecision, watchedDecisionKey } from './watched-decision.ts'

const TIMES = {
  settleMs: 10,
  answerMsMax: 200,
  retryMs: 20,
  outOfSyncRetryMs: 100,
  graceMs: 3_000,
}

/** What the decider says of an open request. */
type Answer = 'yes' | 'no' | 'nothing'

const binding = anEnrolledBinding([AGENT], 1)

let clock: ManualClock
let revoked: string[]
let asked: number

beforeEach(() => {
  clock = new ManualClock(1_000_000)
  revoked = []
  asked = 0
})

function anOpenDecision(change: Partial<WatchedDecision> = {}): WatchedDecision {
  const question = {
    attributes: aRequest({}),
    container: 'app',
    userAgent: '',
    targetContainer: '',
    refusedBecause: '',
  }
  const decided = { decisionId: 'a', binding, question, obligations: NO_OBLIGATIONS }
  const decision = { ...decided, ...change }
  const revoke: WatchedDecision['revoke'] = ({ code }) =>
    void revoked.push(`${decision.decisionId} ${code}`)
  return { revoke, ...decision }
}

const SAYS: Readonly<Record<Answer, () => Promise<boolean>>> = {
  yes: () => Promise.resolve(true),
  no: () => Promise.resolve(false),
  nothing: () => Promise.reject(new Error('the authorizer is away')),
}

function aDecisionWatch(says: () => Promise<boolean>, inSync = true) {
  const logger = createLogger({ name: 'x', level: 'error' }, { write: () => undefined })
  const stillAllows = () => {
    asked += 1
    return says()
  }
  return createDecisionWatch({ decider: { stillAllows }, logger, inSync, clock, times: TIMES })
}

/** A watch over one decision, of which the decider says this. */
function aWatchOver(says: () => Promise<boolean>, decision = anOpenDecision()) {
  const watch = aDecisionWatch(says)
  watch.open(decision, watch.changes())
  return watch
}

describe('recheck()', () => {
  test('revokes what no longer holds, once', async () => {
    const watch = aWatchOver(SAYS.no)
    watch.recheck()
    watch.recheck()
    await clock.advance(1_000)
    expect(revoked).toEqual(['a permission_denied'])
    expect(watch.size()).toBe(0)
  })

  test.each([
    ['not before the time is over', 190, []],
    ['then', 240, ['a decision_unavailable']],
  ])('revokes what cannot be judged, %s', async (_name, ms, expected) => {
    aWatchOver(SAYS.nothing).recheck()
    await clock.advance(ms)
    expect(revoked).toEqual(expected)
  })

  test('waits no longer because more changes while no answer comes', async () => {
    const watch = aWatchOver(SAYS.nothing)
    for (let ms = 0; ms < 240; ms += 30) {
      watch.recheck()
      await clock.advance(30)
    }
    expect(revoked).toEqual(['a decision_unavailable'])
  })

  test('counts the time from the change that it is told of', async () => {
    aWatchOver(SAYS.nothing).recheck(clock.monotonicMs() - 1_000)
    await clock.advance(10)
    expect(revoked).toEqual(['a decision_unavailable'])
  })

  test.each<[string, Answer, string[]]>([
    ['continues when the answer is yes', 'yes', []],
    ['is revoked when the answer is no', 'no', ['a permission_denied']],
  ])('asks again for an answer that stays away: the request %s', async (_name, last, expected) => {
    const answers: Answer[] = ['nothing', 'nothing', last]
    aWatchOver(() => SAYS[answers.shift() ?? 'nothing']()).recheck()
    await clock.advance(1_000)
    expect(asked).toBe(3)
    expect(revoked).toEqual(expected)
  })

  test('judges few at the same time and leaves out none', async () => {
    const waiting: (() => void)[] = []
    const watch = aDecisionWatch(
      () => new Promise((resolve) => void waiting.push(() => resolve(false))),
    )
    for (let id = 0; id < 1_000; id += 1) {
      watch.open(anOpenDecision({ decisionId: `${id}` }), watch.changes())
    }
    watch.recheck()
    await clock.advance(10)
    let most = 0
    while (watch.size() > 0) {
      most = Math.max(most, waiting.length)
      for (const answer of waiting.splice(0)) answer()
      await clock.advance(0)
    }
    expect(most).toBe(32)
    expect(revoked).toHaveLength(1_000)
    expect(watch.size()).toBe(0)
  })

  test('judges again what was being judged when something changed', async () => {
    const answers: ((allowed: boolean) => void)[] = []
    const watch = aWatchOver(() => new Promise((resolve) => void answers.push(resolve)))
    watch.recheck()
    await clock.advance(10)
    watch.recheck()
    await clock.advance(10)
    expect(answers).toHaveLength(2)
    answers[1]?.(false)
    answers[0]?.(true)
    await clock.advance(0)
    expect(revoked).toEqual(['a permission_denied'])
  })
})

test.each([
  ['of the pod', binding.podUid, ['a permission_denied']],
  ['of another pod', 'another-pod', []],
])('recheckWhere() judges what is open %s, without waiting', async (_name, uid, expected) => {
  aWatchOver(SAYS.no).recheckWhere(({ podUid }) => podUid === uid)
  await clock.advance(0)
  expect(revoked).toEqual(expected)
})

describe('noteSync()', () => {
  /** So many milliseconds pass; sync is `lost` or `back`; the answer becomes another one; something changes. */
  type Step = number | 'lost' | 'back' | Answer | 'change'

  test.each<[string, readonly Step[], readonly string[]]>([
    ['a loss alone ends nothing before the grace', ['nothing', 'lost', 2_990], []],
    [
      'what cannot be judged ends with the grace',
      ['nothing', 'lost', 3_000],
      ['a decision_unavailable'],
    ],
    ['what can be judged without sync outlives the grace', ['yes', 'lost', 10_000], []],
    ['what is denied by then ends with the grace', ['lost', 'no', 3_000], ['a permission_denied']],
    [
      'a denial that is known ends at the change',
      ['lost', 'no', 'change', 10],
      ['a permission_denied'],
    ],
    ['a change that cannot be judged ends nothing', ['nothing', 'lost', 'change', 2_900], []],
    [
      'in sync again, everything is judged',
      ['lost', 500, 'no', 'back', 10],
      ['a permission_denied'],
    ],
    ['in sync again and allowed, it continues', ['nothing', 'lost', 500, 'yes', 'back', 9_000], []],
    ['in sync again, answers may still take a while', ['nothing', 'lost', 500, 'back', 2_400], []],
    [
      'in sync again, answers may not stay away for ever',
      ['nothing', 'lost', 500, 'back', 2_800],
      ['a decision_unavailable'],
    ],
    [
      'in sync at the end of the grace, an answer has the usual time',
      ['nothing', 'lost', 2_950, 'back', 200],
      [],
    ],
    [
      'in sync after the grace, it is too late',
      ['nothing', 'lost', 3_000, 'yes', 'back', 1_000],
      ['a decision_unavailable'],
    ],
    [
      'sync that comes and goes without an answer gives no second grace',
      ['nothing', 'lost', 1_400, 'back', 100, 'lost', 1_400, 'back', 20, 'lost', 180],
      ['a decision_unavailable'],
    ],
    [
      'after an answer, another loss has a grace of its own',
      ['nothing', 'lost', 2_000, 'yes', 'back', 100, 'nothing', 'lost', 2_900],
      [],
    ],
    [
      'after an answer, a change in sync has the usual time',
      ['nothing', 'lost', 2_000, 'yes', 'back', 100, 'nothing', 'change', 240],
      ['a decision_unavailable'],
    ],
    ['the same again changes nothing', ['back', 'nothing', 'back', 1_000], []],
    [
      'a second loss without a return prolongs nothing',
      ['nothing', 'lost', 2_000, 'lost', 1_000],
      ['a decision_unavailable'],
    ],
  ])('%s', async (_name, steps, expected) => {
    let answer: Answer = 'yes'
    const watch = aWatchOver(() => SAYS[answer]())
    const does: Readonly<Record<string, () => void>> = {
      lost: () => watch.noteSync(false),
      back: () => watch.noteSync(true),
      change: () => watch.recheck(),
    }
    for (const step of steps) {
      const say = Object.keys(SAYS).find((known) => known === step) as Answer | undefined
      answer = say ?? answer
      does[step]?.()
      await clock.advance(Number(step) || 0)
    }
    expect(revoked).toEqual(expected)
  })

  test('a decision that was made before a loss and opens after it has the same grace', async () => {
    const watch = aDecisionWatch(SAYS.nothing)
    const before = watch.changes()
    watch.noteSync(false)
    await clock.advance(1_000)
    watch.open(anOpenDecision(), before)
    await clock.advance(1_990)
    expect(revoked).toEqual([])
    await clock.advance(110)
    expect(revoked).toEqual(['a decision_unavailable'])
  })

  test('a stream that comes again does not begin the grace again', async () => {
    const watch = aWatchOver(SAYS.nothing)
    watch.noteSync(false)
    await clock.advance(2_000)
    watch.resume(anOpenDecision())
    await clock.advance(1_100)
    expect(revoked).toEqual(['a decision_unavailable'])
  })

  test.each<[string, Answer, string[]]>([
    ['continues when it is allowed', 'yes', []],
    ['is revoked when it is not', 'no', ['a permission_denied']],
  ])('what comes before anything is known %s', async (_name, answer, expected) => {
    const watch = aDecisionWatch(SAYS[answer], false)
    watch.resume(anOpenDecision())
    await clock.advance(2_000)
    expect([asked, revoked]).toEqual([0, []])
    watch.noteSync(true)
    await clock.advance(200)
    expect(revoked).toEqual(expected)
  })
})

test('close() leaves nothing to judge', async () => {
  const watch = aDecisionWatch(SAYS.no)
  watch.resume(anOpenDecision())
  watch.close(binding.podUid, 'a')
  await clock.advance(1_000)
  expect([asked, revoked]).toEqual([0, []])
})

test('open() judges again what was decided before a change', async () => {
  const watch = aDecisionWatch(SAYS.no)
  const changes = watch.changes()
  watch.recheck()
  watch.open(anOpenDecision(), changes)
  await clock.advance(0)
  expect(revoked).toEqual(['a permission_denied'])
})

test('resume() judges again immediately', async () => {
  aDecisionWatch(SAYS.no).resume(anOpenDecision())
  await clock.advance(0)
  expect(revoked).toEqual(['a permission_denied'])
})

test('release() leaves alone what another stream has resumed', () => {
  const watch = aDecisionWatch(SAYS.yes)
  const [first, second] = [anOpenDecision(), anOpenDecision()]
  watch.open(first, watch.changes())
  watch.resume(second)
  watch.release(first)
  expect(watch.size()).toBe(1)
  watch.release(second)
  expect(watch.size()).toBe(0)
})

test('close() and resume() reach nothing of another pod', () => {
  const watch = aDecisionWatch(SAYS.yes)
  const other = { ...binding, podUid: 'another-pod' }
  watch.open(anOpenDecision(), watch.changes())
  watch.close(other.podUid, 'a')
  watch.resume(anOpenDecision({ binding: other }))
  watch.close(other.podUid, 'a')
  expect(watch.size()).toBe(1)
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
