import { beforeEach, expect, test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { JudgingQueue } from './judging-queue.ts'

let clock: ManualClock
let judged: [string, number][]
/** Ends what is being judged. */
let ends: (() => void)[]
let queue: JudgingQueue<string>

beforeEach(() => {
  clock = new ManualClock(1_000)
  judged = []
  ends = []
  queue = new JudgingQueue<string>({
    clock,
    retryMs: () => 150,
    judge: (item, untilMs) => {
      judged.push([item, untilMs])
      return new Promise((resolve) => ends.push(resolve))
    },
  })
})

test('JudgingQueue.add() has an item judged once, until the earliest of its times', async () => {
  queue.add('a', 3_000)
  queue.add('a', 2_000)
  queue.add('a', 4_000)
  await clock.advance(0)
  expect(judged).toEqual([['a', 2_000]])
})

test('JudgingQueue.add() has 32 judged at the same time, and the next when one of them ends', async () => {
  for (let index = 0; index < 40; index += 1) queue.add(String(index), 2_000)
  await clock.advance(0)
  expect(judged.length).toBe(32)
  ends[0]?.()
  await expect.poll(() => judged.length).toBe(33)
  for (const end of ends) end()
  await expect
    .poll(() => judged.map(([item]) => item))
    .toEqual(Array.from({ length: 40 }, (_, index) => String(index)))
})

test('JudgingQueue.retryLater() waits, and keeps the time until which an answer may stay away', async () => {
  queue.retryLater('a', 1_800)
  await clock.advance(149)
  expect(judged).toEqual([])
  await clock.advance(1)
  expect(judged).toEqual([['a', 1_800]])
  expect(clock.waiting).toBe(0)
})

test('JudgingQueue.add() gives what waits for an answer no more time', async () => {
  queue.retryLater('a', 1_800)
  queue.add('a', 5_000)
  await clock.advance(0)
  expect(judged).toEqual([['a', 1_800]])
})
