import { expect, test } from 'vitest'
import { TokenBuckets } from './token-buckets.ts'

/** Takes one at each of these times where there is one; tells where. */
function taken(times: readonly number[], key = 'a', buckets = aFew()): readonly boolean[] {
  return times.map((nowMs) => {
    const has = buckets.has(key, nowMs)
    if (has) buckets.take(key, nowMs)
    return has
  })
}

const aFew = () => new TokenBuckets({ burst: 2, perSecond: 4 })

test.each([
  ['as many as its burst together', [0, 0, 0], [true, true, false]],
  ['another when its time has come', [0, 0, 249, 250, 250], [true, true, false, true, false]],
  ['no more than its burst after a long time', [0, 9_000, 9_000, 9_000], [true, true, true, false]],
  ['nothing more where time stands still', [5, 5, 5, 5], [true, true, false, false]],
])('TokenBuckets gives a key %s', (_case, times, want) => {
  expect(taken(times)).toEqual(want)
})

test('TokenBuckets gives each key its own', () => {
  const buckets = aFew()
  expect(taken([0, 0, 0], 'a', buckets)).toEqual([true, true, false])
  expect(taken([0, 0, 0], 'b', buckets)).toEqual([true, true, false])
})

test('TokenBuckets.has() takes nothing', () => {
  const buckets = aFew()
  for (const _ of Array(9)) expect(buckets.has('a', 0)).toBe(true)
  expect(buckets.size).toBe(0)
})

test('TokenBuckets forgets buckets that are full again, and no others', () => {
  const buckets = aFew()
  for (let at = 0; at < 1_000; at += 1) taken([at * 10], `key ${at}`, buckets)
  // One is used in 250 ms again: 25 of them are not full at a time, and a few were not looked at yet.
  expect(buckets.size).toBeLessThan(60)
  const used = aFew()
  for (let at = 0; at < 100; at += 1) taken([0, 0], `key ${at}`, used)
  expect(used.size).toBe(100)
  expect(taken([0], 'key 0', used)).toEqual([false])
})
