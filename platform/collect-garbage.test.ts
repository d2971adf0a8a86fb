import { execFileSync } from 'node:child_process'
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

/** A process of its own, whose flags are its own: prints how large its space of young objects becomes. */
const SURVIVORS = `
const size = () => process.getBuiltinModule('v8').getHeapSpaceStatistics()
  .find((space) => space.space_name === 'new_space').space_size
let kept = []
for (let at = 0; at < 2e6; at += 1) {
  kept.push({ at })
  if (kept.length > 200_000) kept = []
}
// Pages that were given back are so a little later.
let least = size()
for (let look = 0; look < 20; look += 1) {
  await new Promise((resolve) => setTimeout(resolve, 10))
  least = Math.min(least, size())
}
console.log(least)`

test.each([
  ['grows by itself', '', 16, 1_000],
  ['stays small after keepYoungSpaceSmall()', 'keepYoungSpaceSmall()', 0, 4],
])('the space of young objects %s', (_case, call, atLeast, atMost) => {
  const preface = `import { keepYoungSpaceSmall } from '${import.meta.dirname}/collect-garbage.ts'\n${call}`
  const args = ['--input-type=module', '-e', preface + SURVIVORS]
  const mebibytes = Number(execFileSync(process.execPath, args, { encoding: 'utf8' })) / 2 ** 20
  expect(mebibytes).toBeGreaterThan(atLeast)
  expect(mebibytes).toBeLessThan(atMost)
})
