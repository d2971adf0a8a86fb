import { expect, test } from 'vitest'
import { HEAD_BYTES_MAX, HeadBudget } from './head-budget.ts'

const MOST = 8 * HEAD_BYTES_MAX

const aHead = (bytes: number) => ({ target: '/', rawHeaders: ['X-A', 'b'.repeat(bytes - 4)] })

test('HeadBudget bounds the long heads that are open, and takes more when some have ended', () => {
  const budget = new HeadBudget(MOST)
  const ends: (() => void)[] = []
  const take = (bytes: number) => budget.take(aHead(bytes), (release) => ends.push(release))
  const longest = Array.from({ length: MOST / HEAD_BYTES_MAX }, () => take(HEAD_BYTES_MAX))
  expect(longest).not.toContain(false)
  expect(take(128 * 1024)).toBe(false)
  ends.pop()?.()
  expect(take(128 * 1024)).toBe(true)
})

test('HeadBudget takes usual heads always', () => {
  const budget = new HeadBudget(MOST)
  const held: (() => void)[] = []
  const take = (bytes: number) => budget.take(aHead(bytes), (release) => held.push(release))
  while (take(HEAD_BYTES_MAX));
  expect(take(8 * 1024)).toBe(true)
})
