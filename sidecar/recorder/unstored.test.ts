import { expect, test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { Unstored } from './unstored.ts'

test('Unstored has room until 256 KiB are not known to be stored', () => {
  const unstored = new Unstored(new ManualClock())
  expect(unstored.isRoomy).toBe(true)
  unstored.add(1n, 256 * 1024 - 1)
  expect(unstored.isRoomy).toBe(true)
  unstored.add(2n, 1)
  expect(unstored.isRoomy).toBe(false)
  unstored.stored(0n)
  expect(unstored.isRoomy).toBe(false)
  unstored.stored(1n)
  expect(unstored.isRoomy).toBe(true)
})

test('Unstored has room until something is not stored for half a second', async () => {
  const clock = new ManualClock()
  const unstored = new Unstored(clock)
  unstored.add(1n, 1)
  await clock.advance(500)
  unstored.add(2n, 1)
  expect(unstored.isRoomy).toBe(true)
  await clock.advance(1)
  expect(unstored.isRoomy).toBe(false)
  unstored.stored(1n)
  expect(unstored.isRoomy).toBe(true)
  unstored.stored(9n)
  await clock.advance(10_000)
  expect(unstored.isRoomy).toBe(true)
})
