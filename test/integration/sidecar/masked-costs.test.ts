import { expect, test } from 'vitest'
import { measureSidecar } from '../../../bench/masking/sidecar.ts'

/*
 * What the kernel counts of a sidecar's own memory. Most of it is garbage that V8 has not collected yet, so it differs from
 * run to run (docs/masking-figures.md). A sidecar that kept the list, once, would need more than this bound.
 */

const MEBIBYTE = 1_024 * 1_024

test('a masked list of 10,000 pods passes a sidecar that has not room for it twice, what knows credentials included', async () => {
  const { growth, listMegabytes } = await measureSidecar(1)
  expect(listMegabytes).toBeGreaterThan(20)
  expect(growth.masked).toBeLessThan(40 * MEBIBYTE)
}, 180_000)
