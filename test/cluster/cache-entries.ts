import { readdir, rm, stat, utimes } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/** Long enough for a branch to be put aside; a new build of everything takes some minutes. */
const UNUSED_MS_MAX = 7 * 24 * 60 * 60 * 1_000

/** Notes that an entry of the cache is in use, so that `removeUnused` keeps it. */
export async function markUsed(path: string, now = new Date()): Promise<void> {
  await utimes(path, now, now)
}

/**
 * Removes what is called like `path` up to its digest, or begins with `prefix`, and was not used for
 * a week.
 */
export async function removeUnused(
  path: string,
  prefix = basename(path).replace(/-[0-9a-f]{16}(?:\..*)?$/, '-'),
  now = Date.now(),
): Promise<void> {
  const folder = dirname(path)
  for (const name of await readdir(folder)) {
    const other = join(folder, name)
    if (other === path || !name.startsWith(prefix)) continue
    if (now - (await stat(other)).mtimeMs > UNUSED_MS_MAX) await rm(other, { recursive: true })
  }
}
