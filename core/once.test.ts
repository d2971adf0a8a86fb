import { expect, test } from 'vitest'
import { once } from './once.ts'

test('once() makes a value at the first call, and gives it to all', async () => {
  let made = 0
  const read = once(async () => {
    made += 1
    return made
  })
  expect(made).toBe(0)
  expect(await Promise.all([read(), read()])).toEqual([1, 1])
  expect(await read()).toBe(1)
})

test('once() keeps a failure', async () => {
  let tried = 0
  const read = once(async () => {
    tried += 1
    throw new Error('away')
  })
  await expect(read()).rejects.toThrow('away')
  await expect(read()).rejects.toThrow('away')
  expect(tried).toBe(1)
})
