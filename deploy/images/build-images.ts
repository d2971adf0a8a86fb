import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { VERSION } from '../../platform/version.ts'
import { thirdPartyNotices } from '../third-party-notices.ts'
import { type Bundle, bundle } from './bundle.ts'
import { keepCodeOfSidecar } from './code-cache.ts'
import { dockerArchive, type Image } from './docker-archive.ts'
import { folderEntries, withFolders } from './files.ts'
import { PROGRAM_FILE } from './program-files.ts'
import { type Program, RECIPES, type Recipe } from './recipes.ts'
import { NODE, runtimeLayer } from './runtime-layer.ts'
import { writeTar } from './tar.ts'

const REPOSITORY = resolve(import.meta.dirname, '../..')

/** Writes each image as a docker archive of its own, and the source map of its bundle beside it. */
export async function buildImages(folder: string): Promise<readonly string[]> {
  const paths: string[] = []
  for (const { name, image, sourceMap } of await packImages()) {
    const path = join(folder, `${name}.tar`)
    await writeFile(path, dockerArchive([image]))
    await writeFile(join(folder, `${name}.cjs.map`), sourceMap)
    paths.push(path)
  }
  return paths
}

export interface PackedImage {
  readonly name: string
  readonly image: Image
  /** Of the program's bundle. Not in the image: nothing reads it there, and it is larger than the code. */
  readonly sourceMap: Uint8Array
}

/** Bundles each process into one file and packs it on the runtime that all of them share. */
export async function packImages(): Promise<readonly PackedImage[]> {
  const packed: PackedImage[] = []
  for (const recipe of RECIPES) packed.push(await packImage(recipe))
  return packed
}

/** Beside the bundle and not in it, where it would be read at each start. */
const NOTICES = 'THIRD-PARTY-NOTICES.txt'

async function packImage(recipe: Recipe): Promise<PackedImage> {
  const work = await mkdtemp(join(tmpdir(), 'lanyard-bundle-'))
  try {
    const app = join(work, 'app')
    mkdirSync(app)
    const { sourceMap, inputs } = await writeProgram(recipe, app)
    await writeFile(join(app, NOTICES), await thirdPartyNotices(inputs, REPOSITORY))
    copyPackages(recipe.external, app)
    const image: Image = {
      reference: `${recipe.name}:${VERSION}`,
      user: recipe.user,
      entrypoint: ['/usr/local/bin/node', ...recipe.nodeFlags, '/app/main.cjs'],
      env: ['NODE_ENV=production', ...recipe.env],
      layers: [runtimeLayer(), writeTar(withFolders(folderEntries(app, 'app')))],
    }
    return { name: recipe.name, image, sourceMap }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/**
 * Writes the sidecar to `folder`, with its compiled code; the program runs it with the flags of its image.
 * Throws when it does not come up.
 */
export async function bundleSidecar(folder: string): Promise<Program> {
  const recipe = RECIPES.find(({ keepsCode }) => keepsCode)
  if (recipe === undefined) throw new Error('There is no recipe for the sidecar')
  await writeProgram(recipe, folder)
  return toProgram(recipe, folder)
}

function toProgram({ env, nodeFlags }: Recipe, folder: string): Program {
  const pairs = env.map((line) => line.split('=') as [string, string])
  return {
    argv: [NODE, ...nodeFlags, join(folder, 'main.cjs')],
    env: { NODE_ENV: 'production', ...Object.fromEntries(pairs) },
  }
}

/** `main.cjs`: the program, or what reads the program and its compiled code beside it. */
async function writeProgram(recipe: Recipe, folder: string): Promise<Bundle> {
  const main = join(folder, 'main.cjs')
  if (!recipe.keepsCode) {
    const bundled = await bundle(recipe.entry, recipe.external, 'file')
    await writeFile(main, bundled.code)
    return bundled
  }
  const bundled = await bundle(recipe.entry, recipe.external, 'function')
  await writeFile(join(folder, PROGRAM_FILE), bundled.code)
  await writeFile(main, (await bundle('deploy/images/start-program.ts', [], 'file')).code)
  await keepCodeOfSidecar(folder, toProgram(recipe, folder))
  return bundled
}

/** Packages with everything they depend on, at the top of node_modules where npm has them too. */
export function copyPackages(names: readonly string[], app: string): void {
  const copied = new Set<string>()
  const waiting = [...names]
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (copied.has(name)) continue
    copied.add(name)
    const source = join(REPOSITORY, 'node_modules', name)
    const native = existsSync(join(source, 'binding.gyp'))
    cpSync(source, join(app, 'node_modules', name), {
      recursive: true,
      dereference: true,
      filter: (path) => isWanted(path.slice(source.length), native),
    })
    const { dependencies = {} } = JSON.parse(
      readFileSync(join(source, 'package.json'), 'utf8'),
    ) as { dependencies?: Record<string, string> }
    waiting.push(...Object.keys(dependencies))
  }
}

/** No sources of native code, no maps, and of the prebuilt binaries only this platform's. */
function isWanted(path: string, native: boolean): boolean {
  if (native && /^\/(?:src|deps)(?:\/|$)/.test(path)) return false
  if (/\.(?:map|d\.ts|md)$/.test(path)) return false
  const prebuilt = /^\/prebuilds\/(.+)\.node$/.exec(path)?.[1]
  return prebuilt === undefined || prebuilt === `${process.platform}-${process.arch}`
}
