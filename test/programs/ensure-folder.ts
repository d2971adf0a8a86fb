import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { markUsed, removeUnused } from '../cluster/cache-entries.ts'
import { withFileLock } from '../cluster/file-lock.ts'
import { CACHE } from '../cluster/paths.ts'
import { type Log, withProgress } from '../cluster/progress.ts'

const STAGING = '.build-'

/** What is built from files of this folder, and kept for as long as they stay the same. */
export interface Build {
  readonly name: string
  /** Paths below `test/programs` that decide what is made. */
  readonly sources: readonly string[]
  /** A number that a change of the recipe itself raises. */
  readonly recipe: number
  /** How long a first build takes on two cores, for whoever waits. */
  readonly takes: string
  /** Fills a new, empty folder. */
  readonly build: (folder: string) => Promise<unknown>
}

/**
 * The folder of the cache that holds what `build` made of the sources as they are now; it is made if it
 * is not there. Two runs at the same time build once: the second waits. A build that fails leaves nothing.
 */
export async function ensureFolder(
  { name, sources, recipe, takes, build }: Build,
  log: Log,
  cache = join(CACHE, 'programs'),
): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([name, recipe, sources]))
  for (const path of sources) hash.update(await digestOf(path))
  const folder = join(cache, `${name}-${hash.digest('hex').slice(0, 16)}`)
  if (existsSync(folder)) {
    await markUsed(folder)
    return folder
  }
  await mkdir(cache, { recursive: true })
  const onWait = () => log(`Waiting for another run that builds ${name}`)
  await withFileLock(join(cache, '.lock'), onWait, async () => {
    if (existsSync(folder)) return
    // We hold the lock: what is called so was left by a run that was killed.
    for (const left of (await readdir(cache)).filter((entry) => entry.startsWith(STAGING))) {
      await rm(join(cache, left), { recursive: true, force: true })
    }
    const staging = await mkdtemp(join(cache, STAGING))
    try {
      const what = `Building ${name} (the first time takes ${takes})`
      await withProgress(log, what, () => build(staging))
      await rename(staging, folder)
    } finally {
      await rm(staging, { recursive: true, force: true })
    }
    await removeUnused(folder)
  })
  return folder
}

/** Of one file, so that the end of one and the beginning of the next are never mixed up. */
async function digestOf(path: string): Promise<Buffer> {
  return createHash('sha256')
    .update(await readFile(join(import.meta.dirname, path)))
    .digest()
}
