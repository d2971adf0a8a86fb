import { expect, test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { AllUnstored, Unstored } from './unstored.ts'

test('Unstored has room until 1 MiB is not known to be stored', () => {
  const unstored = new Unstored(new ManualClock(), new AllUnstored())
  expect(unstored.isRoomy).toBe(true)
  unstored.add(1n, 1024 * 1024 - 1)
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
  const unstored = new Unstored(clock, new AllUnstored())
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

test('Unstored of many sessions have 256 KiB each once 16 MiB are not known to be stored', () => {
  const all = new AllUnstored()
  const many = Array.from({ length: 17 }, () => new Unstored(new ManualClock(), all))
  for (const one of many) one.add(1n, 1024 * 1024 - 1)
  const [first, last] = [new Unstored(new ManualClock(), all), many[16]]
  first.add(1n, 256 * 1024 - 1)
  expect(first.isRoomy).toBe(true)
  first.add(2n, 1)
  expect(first.isRoomy).toBe(false)
  many[0]?.stored(1n)
  last?.close()
  expect(first.isRoomy).toBe(true)
  expect(all.bytes).toBe(15 * (1024 * 1024 - 1) + 256 * 1024)
})
