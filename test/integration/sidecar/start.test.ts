import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Script } from 'node:vm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bundleSidecar } from '../../../deploy/images/build-images.ts'
import { CODE_CACHE_FILE, PROGRAM_FILE, readProgram } from '../../../deploy/images/program-files.ts'
import type { Program } from '../../../deploy/images/recipes.ts'

let folder: string
let program: Program

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanyard-start-'))
  program = await bundleSidecar(folder)
}, 120_000)

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

const isRejected = (folder: string, argv: readonly string[]) => {
  const [node = '', ...rest] = argv
  const flags = rest.filter((word) => word.startsWith('--'))
  const script = `
    const { readFileSync } = require('node:fs')
    const read = (name, encoding) => readFileSync(${JSON.stringify(`${folder}/`)} + name, encoding)
    const { Script } = require('node:vm')
    const cachedData = read('${CODE_CACHE_FILE}')
    new Script(read('${PROGRAM_FILE}', 'latin1'), { cachedData }).cachedDataRejected`
  return execFileSync(node, [...flags, '-p', script], { encoding: 'utf8' }).trim()
}

test('keepCodeOfSidecar() leaves code that V8 takes with the flags of the image', () => {
  expect(isRejected(folder, program.argv)).toBe('false')
})

test('keepCodeOfSidecar(): with another flag V8 does not take it', () => {
  expect(isRejected(folder, [...program.argv, '--expose-gc'])).toBe('true')
})

test('keepCodeOfSidecar() keeps what a start runs, and not only what stands outside functions', async () => {
  const source = await readFile(join(folder, PROGRAM_FILE), 'latin1')
  const bare = new Script(source).createCachedData().byteLength
  expect((await readFile(join(folder, CODE_CACHE_FILE))).byteLength).toBeGreaterThan(2 * bare)
})

test('readProgram() compiles a program whose kept code is broken', async () => {
  await truncate(join(folder, CODE_CACHE_FILE), 100)
  const script = readProgram(folder)
  expect(script.cachedDataRejected).toBe(true)
  expect(typeof script.runInThisContext()).toBe('function')
})
