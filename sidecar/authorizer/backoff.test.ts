import { expect, test } from 'vitest'
import { createBackoff } from './backoff.ts'

test('createBackoff() doubles up to its maximum and starts again', () => {
  const backoff = createBackoff({ minMs: 100, maxMs: 500, random: () => 1 })
  expect([backoff.next(), backoff.next(), backoff.next(), backoff.next()]).toEqual([
    100, 200, 400, 500,
  ])
  backoff.reset()
  expect(backoff.next()).toBe(100)
})

test('createBackoff() never waits less than half', () => {
  expect(createBackoff({ minMs: 100, maxMs: 500, random: () => 0 }).next()).toBe(50)
})
