import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Build, ensureFolder } from './ensure-folder.ts'

let cache: string
let times: number

beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'lanyard-programs-'))
  times = 0
})

afterEach(() => rmSync(cache, { recursive: true }))

const ensure = (changed: Partial<Build> = {}) => {
  const build = async (folder: string) => {
    times += 1
    writeFileSync(join(folder, 'client'), '')
  }
  const sources = ['prepare.ts']
  const whole = { name: 'go', sources, recipe: 1, takes: 'a moment', build, ...changed }
  return ensureFolder(whole, () => {}, cache)
}
const built = () => readdirSync(cache).filter((name) => name !== '.lock')

test('ensureFolder() builds once for the same sources, though two ask at the same time', async () => {
  const [one, other] = await Promise.all([ensure(), ensure()])
  expect(await ensure()).toBe(one)
  expect(other).toBe(one)
  expect(times).toBe(1)
  expect(readdirSync(one)).toEqual(['client'])
})

test.each<[string, Partial<Build>]>([
  ['another recipe', { recipe: 2 }],
  ['other sources', { sources: ['ensure-folder.ts'] }],
  ['no sources', { sources: [] }],
  ['one source more', { sources: ['prepare.ts', 'prepare.ts'] }],
  ['another name', { name: 'rust' }],
])('ensureFolder() builds again for %s', async (_, changed) => {
  expect(await ensure(changed)).not.toBe(await ensure())
  expect(times).toBe(2)
})

test('ensureFolder() sweeps what a killed build left, and leaves nothing when it fails', async () => {
  mkdirSync(join(cache, '.build-abcdef'))
  const failing = ensure({ build: () => Promise.reject(new Error('no network')) })
  await expect(failing).rejects.toThrow('no network')
  expect(built()).toEqual([])
})
