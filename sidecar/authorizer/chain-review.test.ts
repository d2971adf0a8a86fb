import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { ReviewTurns } from './chain-review.ts'

/** Reviews that end when a test says so. */
function aCrowd(turns: ReviewTurns, count: number) {
  const begun: number[] = []
  const doors = Array.from({ length: count }, () => Promise.withResolvers<void>())
  const reviews = doors.map((door, at) =>
    turns.take(async () => {
      begun.push(at)
      await door.promise
      return at
    }),
  )
  const ends = doors.map((door) => door.resolve)
  return { begun, ends, reviews }
}

test('ReviewTurns lets eight through, and the next when one of them ends', async () => {
  const { begun, ends, reviews } = aCrowd(new ReviewTurns(), 10)
  await turn()
  expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  ends[1]?.()
  expect(await reviews[1]).toBe(1)
  await turn()
  expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 9])
})

test('ReviewTurns lets the next through when one fails, and tells the failure to its own only', async () => {
  const turns = new ReviewTurns()
  const failing = turns.take(() => Promise.reject(new Error('no answer')))
  const others = Array.from({ length: 15 }, (_, at) => turns.take(async () => at))
  await expect(failing).rejects.toThrow('no answer')
  expect(await Promise.all(others)).toEqual(others.map((_, at) => at))
})

test('ReviewTurns refuses one too many, and takes again when one has ended', async () => {
  const turns = new ReviewTurns()
  const { ends, reviews } = aCrowd(turns, 256)
  await turn()
  await expect(turns.take(async () => 'late')).rejects.toMatchObject({ code: 'overloaded' })
  ends[0]?.()
  await reviews[0]
  const late = turns.take(async () => 'late')
  for (const end of ends) end()
  expect(await late).toBe('late')
})
