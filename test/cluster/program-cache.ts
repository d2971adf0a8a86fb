import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { buildProgram } from './build-program.ts'
import { markUsed, removeUnused } from './cache-entries.ts'
import { withFileLock } from './file-lock.ts'
import { findGo } from './go-toolchain.ts'
import { CACHE, REPOSITORY } from './paths.ts'
import type { Log } from './progress.ts'

/** How one Go program is built. Everything here, and what its files hold, is the cache's key. */
export interface Program {
  /** Of `test/cluster/go`. */
  readonly folder: string
  readonly files: readonly string[]
  /** The module file, where it is not called go.mod. */
  readonly moduleFile: string
  readonly tags: string
  readonly target: string
  readonly linkerFlags: string
  /** The target is a package of tests, and the program what runs them. */
  readonly isTest?: true
}

/** A folder for each Go module. */
export const SOURCES = join(REPOSITORY, 'test', 'cluster', 'go')
const BIN = join(CACHE, 'bin')

/**
 * Where the cache has a program, or will have it. The key is the sources, so a change builds again, and
 * each module file has programs of its own.
 */
export function programPath(name: string, program: Program): string {
  const hash = createHash('sha256').update(JSON.stringify(program))
  for (const file of program.files) hash.update(readFileSync(join(SOURCES, program.folder, file)))
  const { moduleFile } = program
  const label = moduleFile === '' ? name : `${name}-${moduleFile.replace('.mod', '')}`
  return join(BIN, `${label}-${hash.digest('hex').slice(0, 16)}`, name)
}

/**
 * Builds a program that is not in the cache yet, and returns its path. Two runs at the same time build once:
 * the second waits for the first. Throws with the end of what the compiler said.
 */
export async function ensureProgram(name: string, program: Program, log: Log): Promise<string> {
  const binary = programPath(name, program)
  const folder = join(binary, '..')
  if (existsSync(binary)) {
    await markUsed(folder)
    return binary
  }
  const onWait = () => log(`Waiting for another run that builds ${name}`)
  await withFileLock(join(BIN, '.lock'), onWait, async () => {
    if (existsSync(binary)) return
    await buildIntoCache(name, program, folder, log)
    await removeUnused(folder)
  })
  return binary
}

/** Builds beside and renames, so that a killed build leaves no half file under the final name. */
async function buildIntoCache(
  name: string,
  program: Program,
  folder: string,
  log: Log,
): Promise<void> {
  await mkdir(BIN, { recursive: true })
  // We hold the lock: what is called so was left by a killed build.
  for (const left of (await readdir(BIN)).filter((entry) => entry.startsWith('.build-'))) {
    await rm(join(BIN, left), { recursive: true, force: true })
  }
  const staging = await mkdtemp(join(BIN, '.build-'))
  try {
    const { moduleFile } = program
    await buildProgram({
      go: await findGo(log),
      title: moduleFile === '' ? name : `${name} ${moduleFile.replace('.mod', '')}`,
      folder: join(SOURCES, program.folder),
      flags: [
        '-trimpath',
        ...(moduleFile === '' ? [] : [`-modfile=${moduleFile}`, `-tags=${program.tags}`]),
      ],
      isTest: program.isTest === true,
      linkerFlags: program.linkerFlags,
      target: program.target,
      output: join(staging, name),
      log,
    })
    await rename(staging, folder)
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}
