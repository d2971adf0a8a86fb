import { cachedDataVersionTag, getHeapStatistics } from 'node:v8'
import { expect, test } from 'vitest'
import { createCollector } from './collect-garbage.ts'

const usedBytes = () => getHeapStatistics().used_heap_size

test.each(['minor', 'major'] as const)('createCollector() collects what is %s', (type) => {
  const collect = createCollector()
  collect(type)
  const garbage = Array.from({ length: 2_000 }, () => ({ text: [Math.random()] })).length
  const before = usedBytes()
  collect(type)
  expect(usedBytes()).toBeLessThan(before - garbage * 16)
})

test('createCollector() leaves compiled code of the process usable', () => {
  const before = cachedDataVersionTag()
  createCollector()('minor')
  expect(cachedDataVersionTag()).toBe(before)
})
