import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { copyPackages } from './build-images.ts'
import { type Bundle, bundle } from './bundle.ts'
import { LEFT_OUT } from './left-out.ts'
import { RECIPES } from './recipes.ts'
import { NODE } from './runtime-layer.ts'

const NODE_MODULES = join(import.meta.dirname, '../../node_modules')

/**
 * A start reads all of it, and each sidecar keeps it in memory. Lower it when the bundle shrinks. The reader of YAML
 * is 190,000 bytes of it, of which nothing runs before a body in YAML comes; what finds credentials is 270,000, of
 * which nothing runs before the first mask that needs it.
 */
const SIDECAR_BYTES_MAX = 1_600_000

function versionTag(flags: readonly string[]): string {
  const script = "require('node:v8').cachedDataVersionTag()"
  return execFileSync(NODE, [...flags, '-p', script], { encoding: 'utf8' })
}

test.each(RECIPES)('RECIPES: $name takes the compiled code that Node carries', ({ nodeFlags }) => {
  expect(versionTag(nodeFlags)).toBe(versionTag([]))
})

test('RECIPES: a flag that makes Node compile its own modules at each start would be seen', () => {
  expect(versionTag(['--expose-gc'])).not.toBe(versionTag([]))
})

test.each(Object.keys(LEFT_OUT))('LEFT_OUT names a file of its package: %s', (path) => {
  expect(existsSync(join(NODE_MODULES, path))).toBe(true)
})

test('copyPackages() brings the parsers of scripts, where the bundle of the control plane finds them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lanyard-parsers-'))
  const external = RECIPES.find(({ name }) => name === 'lanyard-control-plane')?.external ?? []
  const parsers = ['sh-syntax', 'tree-sitter-bash', 'web-tree-sitter']
  expect(external).toEqual(expect.arrayContaining(parsers))
  const { code } = await bundle('control-plane/commands/shell-parsers.ts', external, 'file')
  await writeFile(join(folder, 'main.cjs'), code)
  copyPackages(parsers, folder)
  const script =
    "require('./main.cjs').loadShellParsers().then((read) => console.log(read('a | b').length))"
  const options = { cwd: folder, encoding: 'utf8' } as const
  expect(execFileSync(NODE, ['-e', script], options)).toBe('2\n')
  await rm(folder, { recursive: true })
}, 60_000)

describe('bundle() of the sidecar', () => {
  let sidecar: Bundle

  beforeAll(async () => {
    sidecar = await bundle('sidecar/main.ts', [], 'function')
  })

  test('stays small', () => {
    expect(sidecar.code.byteLength).toBeLessThan(SIDECAR_BYTES_MAX)
  })

  test('is ASCII, each byte a character of the program', () => {
    expect(sidecar.code.findIndex((byte) => byte > 0x7f)).toBe(-1)
  })

  test.each([
    '@kubernetes/client-node',
    '@bufbuild/cel',
    '@opentelemetry/api',
    '@peculiar/x509',
    'better-sqlite3',
    'kysely',
    'protobufjs',
    'tdigest',
    'thread-stream',
    'undici',
    'sh-syntax',
    'tree-sitter-bash',
    'web-tree-sitter',
    'zod/v4/locales/de.js',
  ])('has nothing of %s', (name) => {
    expect(sidecar.inputs.filter((path) => path.includes(`node_modules/${name}`))).toEqual([])
  })
})
