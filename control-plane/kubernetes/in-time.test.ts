import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { inTime } from './in-time.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('inTime() gives what was asked for, or its error, and leaves no timer', async () => {
  expect(await inTime(Promise.resolve(7), 1_000, 'list')).toBe(7)
  await expect(inTime(Promise.reject(new Error('403')), 1_000, 'list')).rejects.toThrow('403')
  expect(vi.getTimerCount()).toBe(0)
})

test('inTime() rejects once the time is over, with the name of what was asked', async () => {
  const late = inTime(new Promise(() => {}), 1_000, 'list of pods')
  const rejected = expect(late).rejects.toThrow('the list of pods was not answered in 1000 ms')
  vi.advanceTimersByTime(1_000)
  await rejected
})
