import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { SomeAtATime } from './some-at-a-time.ts'

/** Work that ends when the test says so. */
function threeOf(turns: SomeAtATime) {
  const begun: number[] = []
  const ends = [0, 1, 2].map(() => Promise.withResolvers<number>())
  const results = ends.map(({ promise }, index) =>
    turns.run(() => {
      begun.push(index)
      return promise
    }),
  )
  return { begun, ends, results }
}

test('SomeAtATime.run() begins so many, and the next once one has ended', async () => {
  const { begun, ends, results } = threeOf(new SomeAtATime(2))
  await turn()
  expect(begun).toEqual([0, 1])
  ends[1]?.resolve(7)
  expect(await results[1]).toBe(7)
  await turn()
  expect(begun).toEqual([0, 1, 2])
})

test('SomeAtATime.run() gives the turn of work that failed to the next', async () => {
  const turns = new SomeAtATime(1)
  const { begun, ends, results } = threeOf(turns)
  ends[0]?.reject(new Error('EIO'))
  await expect(results[0]).rejects.toThrow('EIO')
  await turn()
  expect(begun).toEqual([0, 1])
  ends[1]?.resolve(1)
  ends[2]?.resolve(2)
  expect(await Promise.all(results.slice(1))).toEqual([1, 2])
  expect(await turns.run(async () => 'free again')).toBe('free again')
})
