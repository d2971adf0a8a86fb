import { cpSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import { VERSION } from '../../platform/version.ts'
import { dockerArchive } from './docker-archive.ts'
import {
  baseEntries,
  folderEntries,
  nameServiceEntries,
  programEntries,
  withFolders,
} from './files.ts'
import { writeTar } from './tar.ts'

const REPOSITORY = resolve(import.meta.dirname, '../..')
const NODE = join(REPOSITORY, 'node_modules', 'node', 'bin', 'node')

interface Recipe {
  readonly name: string
  readonly entry: string
  readonly user: string
  readonly nodeFlags: readonly string[]
  /** Packages with native code, which no bundle can hold. */
  readonly external: readonly string[]
}

/** Uid of the sidecar; the injector's manifests and the admission rules know it too. */
const SIDECAR_USER = '7777:7777'
const SYSTEM_USER = '65532:65532'

const RECIPES: readonly Recipe[] = [
  {
    name: 'lanyard-sidecar',
    entry: 'sidecar/main.ts',
    user: SIDECAR_USER,
    // It is in every pod: a small heap costs a little throughput and saves half its memory.
    nodeFlags: ['--max-semi-space-size=1', '--max-old-space-size=48', '--optimize-for-size'],
    external: [],
  },
  {
    name: 'lanyard-control-plane',
    entry: 'control-plane/main.ts',
    user: SYSTEM_USER,
    nodeFlags: [],
    external: ['better-sqlite3'],
  },
  {
    name: 'lanyard-injector',
    entry: 'injector/main.ts',
    user: SYSTEM_USER,
    nodeFlags: [],
    external: [],
  },
]

/** Bundles each process into one file and packs it; returns the paths of the docker archives. */
export async function buildImages(folder: string): Promise<readonly string[]> {
  const runtime = writeTar(
    withFolders([
      ...programEntries(NODE, 'usr/local/bin/node'),
      ...nameServiceEntries(),
      ...baseEntries(SYSTEM_USER),
    ]),
  )
  const paths: string[] = []
  for (const recipe of RECIPES) {
    const path = join(folder, `${recipe.name}.tar`)
    await writeFile(path, await packImage(recipe, runtime))
    paths.push(path)
  }
  return paths
}

async function packImage(recipe: Recipe, runtime: Buffer): Promise<Buffer> {
  const work = await mkdtemp(join(tmpdir(), 'lanyard-bundle-'))
  try {
    const app = join(work, 'app')
    mkdirSync(app)
    await bundle(recipe.entry, join(app, 'main.cjs'), recipe.external)
    for (const name of recipe.external) copyNativePackage(name, app)
    return dockerArchive({
      reference: `${recipe.name}:${VERSION}`,
      user: recipe.user,
      entrypoint: ['/usr/local/bin/node', ...recipe.nodeFlags, '/app/main.cjs'],
      env: ['NODE_ENV=production'],
      layers: [runtime, writeTar(withFolders(folderEntries(app, 'app')))],
    })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** One CommonJS file: faster to start than modules, and what native packages expect. */
export async function bundle(
  entry: string,
  outfile: string,
  external: readonly string[],
): Promise<void> {
  await build({
    entryPoints: [join(REPOSITORY, entry)],
    outfile,
    bundle: true,
    minify: true,
    keepNames: true,
    platform: 'node',
    format: 'cjs',
    target: 'node24',
    external: [...external],
    define: { 'import.meta.dirname': '__dirname', 'import.meta.url': '"file:///app/main.cjs"' },
    logLevel: 'error',
  })
}

/** The JavaScript of a package and the prebuilt binary for this platform, not its sources. */
function copyNativePackage(name: string, app: string): void {
  const source = join(REPOSITORY, 'node_modules', name)
  const target = join(app, 'node_modules', name)
  for (const part of ['package.json', 'lib', 'index.js']) {
    if (existsSync(join(source, part)))
      cpSync(join(source, part), join(target, part), { recursive: true })
  }
  const prebuilds = join(source, 'prebuilds')
  const wanted = readdirSync(prebuilds).filter((file) =>
    file.includes(`${process.platform}-${process.arch}`),
  )
  if (wanted.length === 0) throw new Error(`${name} has no prebuilt binary for this platform`)
  for (const file of wanted)
    cpSync(join(prebuilds, file), join(target, 'prebuilds', file), { recursive: true })
}
