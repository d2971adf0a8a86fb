import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { ROOT } from './repository-files.ts'

/**
 * Loads a bundle of `test/compatibility`, with the npm packages of this tree. `Exports` is what the
 * caller knows of it; the file and its folder are gone when `close` resolves.
 */
export async function loadEarlierBuild<Exports>(
  name: string,
): Promise<{ readonly exports: Exports; close(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'lanyard-earlier-'))
  const file = join(folder, `${name}.cjs`)
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  const packed = await readFile(join(ROOT, 'test', 'compatibility', `${name}.cjs.gz`))
  await writeFile(file, gunzipSync(packed))
  const load = createRequire(file)
  return { exports: load(file) as Exports, close: () => rm(folder, { recursive: true }) }
}
