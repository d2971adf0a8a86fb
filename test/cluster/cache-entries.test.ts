import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { markUsed, removeUnused } from './cache-entries.ts'

const DAY_MS = 24 * 60 * 60 * 1_000

test('removeUnused() removes old entries of the same name and nothing else', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lanyard-cache-'))
  const now = Date.now()
  const old = new Date(now - 8 * DAY_MS)
  const entries = ['kube-0000000000000001', 'kube-0000000000000002', 'kube-0000000000000003']
  for (const name of [...entries, 'kubectl-0000000000000001']) mkdirSync(join(folder, name))
  writeFileSync(join(folder, 'agent-0000000000000001.tar'), '')
  for (const name of readdirSync(folder)) await markUsed(join(folder, name), old)
  await markUsed(join(folder, 'kube-0000000000000002'), new Date(now - 6 * DAY_MS))
  await removeUnused(join(folder, 'kube-0000000000000003'), undefined, now)
  expect(readdirSync(folder).sort()).toEqual([
    'agent-0000000000000001.tar',
    'kube-0000000000000002',
    'kube-0000000000000003',
    'kubectl-0000000000000001',
  ])
  await removeUnused(join(folder, 'agent-0000000000000002.tar'), undefined, now)
  expect(readdirSync(folder)).not.toContain('agent-0000000000000001.tar')
  rmSync(folder, { recursive: true })
})

test('removeUnused() knows names without a digest by how they begin', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lanyard-cache-'))
  const now = Date.now()
  for (const name of [
    'go-toolchain',
    'go-toolchain-1.26.6',
    'go-toolchain-1.27.0',
    'envoy-1.40.0',
  ]) {
    mkdirSync(join(folder, name))
    await markUsed(join(folder, name), new Date(now - 8 * DAY_MS))
  }
  await removeUnused(join(folder, 'go-toolchain-1.27.0'), 'go-toolchain', now)
  expect(readdirSync(folder).sort()).toEqual(['envoy-1.40.0', 'go-toolchain-1.27.0'])
  rmSync(folder, { recursive: true })
})
