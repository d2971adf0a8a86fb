import { beforeEach, expect, test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { SyncGrace } from './sync-grace.ts'

const NEVER = Number.NEGATIVE_INFINITY
const BEGAN_MS = 1_000

let clock: ManualClock
let overAtMs: number[]
let grace: SyncGrace

beforeEach(() => {
  clock = new ManualClock(BEGAN_MS)
  overAtMs = []
  const onOver = () => void overAtMs.push(clock.monotonicMs())
  grace = new SyncGrace({ clock, graceMs: 100, answerMsMax: 7, onOver })
})

/** Waits, loses sync with `a` open, has it back, or has an answer for `a`. */
type Step = number | 'lose' | 'regain' | 'settle'

test.each<[string, readonly Step[], { a: number; other: number; over: number[] }]>([
  ['in sync', [500], { a: NEVER, other: NEVER, over: [] }],
  ['lost', ['lose', 50], { a: 1_100, other: 1_100, over: [] }],
  ['lost for long', ['lose', 250], { a: 1_100, other: 1_100, over: [1_100, 1_200] }],
  ['back', ['lose', 50, 'regain', 500], { a: 1_107, other: NEVER, over: [] }],
  ['back and answered', ['lose', 50, 'regain', 'settle'], { a: NEVER, other: NEVER, over: [] }],
  [
    'lost again without an answer',
    ['lose', 50, 'regain', 'lose', 10],
    { a: 1_100, other: 1_150, over: [] },
  ],
  [
    'lost again after an answer',
    ['lose', 50, 'regain', 'settle', 'lose', 10],
    { a: 1_150, other: 1_150, over: [] },
  ],
  ['settled without a loss', ['settle'], { a: NEVER, other: NEVER, over: [] }],
])('untilMs() of a request that was open and of another: %s', async (_name, steps, expected) => {
  const does: Readonly<Record<string, () => void>> = {
    lose: () => grace.lose(['a']),
    regain: () => grace.regain(),
    settle: () => grace.settle('a'),
  }
  for (const step of steps) {
    does[step]?.()
    await clock.advance(Number(step) || 0)
  }
  const until = { a: grace.untilMs('a'), other: grace.untilMs('other') }
  expect({ ...until, over: overAtMs }).toEqual(expected)
})

test('regain() leaves no timer', () => {
  grace.lose([])
  expect([grace.inSync, clock.waiting]).toEqual([false, 1])
  grace.regain()
  expect([grace.inSync, clock.waiting]).toEqual([true, 0])
})
