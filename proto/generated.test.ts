import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'

/*
 * The wire format as a promise: `baseline.binpb` is the image of the last release, and whatever is
 * not compatible with it fails here. `npm run proto:baseline` writes it again, at a release or for a
 * change that is meant to break, which then stands in CHANGELOG.md.
 */

const PROTO = import.meta.dirname
const BIN = resolve(PROTO, '../node_modules/.bin')
const TIMEOUT_MS = 60_000
const run = promisify(execFile)

/** Runs buf; rejects with what it printed when it finds something. */
async function buf(...args: readonly string[]): Promise<void> {
  const env = { ...process.env, PATH: `${BIN}${delimiter}${process.env['PATH'] ?? ''}` }
  try {
    await run(join(BIN, 'buf'), args, { cwd: PROTO, env })
  } catch (error) {
    // Converted: buf prints its findings on standard output, which the error leaves out.
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(`buf ${args.join(' ')}\n${stdout}${stderr}`, { cause: error })
  }
}

async function readTree(root: string): Promise<Readonly<Record<string, string>>> {
  const paths = (await readdir(root, { recursive: true })).filter((path) => path.endsWith('.ts'))
  const texts = await Promise.all(paths.map((path) => readFile(join(root, path), 'utf8')))
  return Object.fromEntries(paths.map((path, index) => [path, texts[index] ?? '']))
}

describe('lanyard.v1', () => {
  test('keeps the rules of buf lint', { timeout: TIMEOUT_MS }, async () => {
    await buf('lint')
  })

  test('is what proto/gen was made from', { timeout: TIMEOUT_MS }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lanyard-proto-'))
    try {
      await buf('generate', '--output', folder)
      expect(await readTree(join(PROTO, 'gen'))).toEqual(await readTree(join(folder, 'gen')))
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('breaks nothing that the baseline says', { timeout: TIMEOUT_MS }, async () => {
    await buf('breaking', '--against', 'baseline.binpb')
  })
})
