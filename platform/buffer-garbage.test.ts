import { expect, test } from 'vitest'
import { BufferGarbage } from './buffer-garbage.ts'

test.each([
  ['none', [], 0],
  ['few bytes', [60, 39], 0],
  ['enough bytes', [60, 40], 1],
  ['more at a time', [1_000], 1],
  ['twice as many', [99, 1, 99, 1], 2],
])('BufferGarbage.passed() with %s', (_name, passed, times) => {
  const collected: string[] = []
  const garbage = new BufferGarbage((type) => void collected.push(type), 100)
  for (const bytes of passed) garbage.passed(bytes)
  expect(collected).toEqual(Array.from({ length: times }, () => 'minor'))
})
