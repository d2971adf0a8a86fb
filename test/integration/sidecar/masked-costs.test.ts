import { expect, test } from 'vitest'
import { measureSidecar } from '../../../bench/masking/sidecar.ts'

/* What the kernel counts of a sidecar's own memory: a busy machine changes times, and not this. */

const MEBIBYTE = 1_024 * 1_024

test('a masked list of 10,000 pods grows a sidecar by 20 MiB at most, what knows credentials included', async () => {
  const { growth, listMegabytes } = await measureSidecar(1)
  expect(listMegabytes).toBeGreaterThan(20)
  expect(growth.masked).toBeLessThan(20 * MEBIBYTE)
}, 180_000)
