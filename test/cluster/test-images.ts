import { createHash } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { dockerArchive } from '../../deploy/images/docker-archive.ts'
import {
  baseEntries,
  fileEntry,
  folderEntries,
  programEntries,
  sharedLibraryEntries,
  withFolders,
} from '../../deploy/images/files.ts'
import { runtimeEntries, runtimeLayer } from '../../deploy/images/runtime-layer.ts'
import { type TarEntry, writeTar } from '../../deploy/images/tar.ts'
import type { Binaries } from './binaries.ts'
import { markUsed, removeUnused } from './cache-entries.ts'
import { withFileLock } from './file-lock.ts'
import { CACHE, REPOSITORY } from './paths.ts'
import { type Log, withProgress } from './progress.ts'
import { ensurePythonPackages } from './python-packages.ts'
import { mustRun } from './run-command.ts'

/* Images of the test cluster: pause, CoreDNS, and an agent with the usual clients in it. */

/** Version of what the recipes below make; a change of a recipe raises it. */
const RECIPE = 4
const AGENT_REFERENCE = 'lanyard-test/agent:latest'
const PYTHON_CLIENT = 'kubernetes==34.1.0'
const NODE_CLIENT = '@kubernetes/client-node'
const IMAGES = join(CACHE, 'images')

/** Paths of docker archives. */
export interface TestImages {
  readonly pause: string
  readonly coredns: string
  readonly agent: string
}

/** Makes what is not in the cache yet. Two runs at the same time make it once: the second waits. */
export async function ensureTestImages(binaries: Binaries, log: Log): Promise<TestImages> {
  const { pause, coredns, kubectl } = binaries
  const client = await pinnedVersion(NODE_CLIENT)
  return {
    pause: await ensureImage('pause', [pause], log, () =>
      packProgram('lanyard-test/pause:1', '65535:65535', pause, 'pause'),
    ),
    coredns: await ensureImage('coredns', [coredns], log, () =>
      packProgram('lanyard-test/coredns:1', '65532:65532', coredns, 'coredns'),
    ),
    agent: await ensureImage(
      'agent',
      [kubectl, await pinnedVersion('node'), PYTHON_CLIENT, client],
      log,
      () => packAgent(binaries),
    ),
  }
}

/**
 * The docker archive that `make` packs, from the cache where it was made of the same inputs before. Two runs
 * at the same time make it once.
 */
export async function ensureImage(
  name: string,
  inputs: readonly string[],
  log: Log,
  make: () => Promise<Buffer>,
): Promise<string> {
  const key = createHash('sha256').update(JSON.stringify([RECIPE, name, inputs]))
  const path = join(IMAGES, `${name}-${key.digest('hex').slice(0, 16)}.tar`)
  if (existsSync(path)) {
    await markUsed(path)
    return path
  }
  const onWait = () => log(`Waiting for another run that packs the image ${name}`)
  await withFileLock(join(IMAGES, '.lock'), onWait, async () => {
    if (existsSync(path)) return
    // We hold the lock: what is called so was left by a run that was killed.
    for (const left of (await readdir(IMAGES)).filter((entry) => entry.startsWith('.work-'))) {
      await rm(join(IMAGES, left), { recursive: true, force: true })
    }
    await withProgress(log, `Packing the image ${name}`, async () => {
      const staging = join(IMAGES, `.work-${name}.tar`)
      await writeFile(staging, await make())
      await rename(staging, path)
    })
    await removeUnused(path)
  })
  return path
}

function packProgram(
  reference: string,
  user: string,
  program: string,
  name: string,
): Promise<Buffer> {
  return pack(reference, user, [`/${name}`], [fileEntry(program, name, 0o755)])
}

function pack(
  reference: string,
  user: string,
  entrypoint: readonly string[],
  entries: readonly TarEntry[],
): Promise<Buffer> {
  const [uid = ''] = user.split(':')
  const layer = writeTar(withFolders([...entries, ...baseEntries(uid)]))
  return Promise.resolve(dockerArchive([{ reference, user, entrypoint, layers: [layer] }]))
}

/** A shell, kubectl, curl, Node and Python, the last two with their official clients. */
async function packAgent(binaries: Binaries): Promise<Buffer> {
  const work = await mkdtemp(join(IMAGES, '.work-'))
  try {
    const python = join(work, 'python')
    await ensurePythonPackages(python, [PYTHON_CLIENT])
    const node = join(work, 'node')
    await installNodeClient(node)
    const entries = withFolders([
      ...shellEntries(),
      fileEntry(binaries.kubectl, 'usr/bin/kubectl', 0o755),
      ...programEntries('/usr/bin/curl', 'usr/bin/curl'),
      ...pythonEntries(),
      ...folderEntries(python, 'opt/python'),
      ...folderEntries(join(node, 'node_modules'), 'node_modules').filter(isNeededAtRunTime),
    ])
    // On the product's own runtime, so that a node unpacks Node once and for all.
    const below = new Set(runtimeEntries().map(({ path }) => path))
    const layers = [runtimeLayer(), writeTar(entries.filter(({ path }) => !below.has(path)))]
    const user = '1000:1000'
    // No entrypoint, so that `kubectl run … -- PROGRAM` runs just that.
    const run = { entrypoint: [], command: ['/bin/sh'] }
    return dockerArchive([{ reference: AGENT_REFERENCE, user, ...run, layers }])
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** The client in the version that the repository itself depends on. */
async function installNodeClient(folder: string): Promise<void> {
  await mkdir(folder)
  const npm = ['npm', 'install', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund']
  await mustRun([...npm, `${NODE_CLIENT}@${await pinnedVersion(NODE_CLIENT)}`])
}

async function pinnedVersion(name: string): Promise<string> {
  const text = await readFile(join(REPOSITORY, 'package.json'), 'utf8')
  const pinned = JSON.parse(text) as Record<string, Record<string, string> | undefined>
  const version = pinned['dependencies']?.[name] ?? pinned['devDependencies']?.[name]
  if (version === undefined) throw new Error(`package.json does not name ${name}`)
  return version
}

/** Types and source maps are half of the client, and nothing loads them. */
function isNeededAtRunTime({ path }: TarEntry): boolean {
  return !/\.d\.[cm]?ts$|\.map$|\/prebuilds\/(?!linux-)|^node_modules\/@types\//.test(path)
}

function shellEntries(): readonly TarEntry[] {
  const applets = [
    'sh',
    'cat',
    'ls',
    'sleep',
    'env',
    'echo',
    'timeout',
    'nslookup',
    'id',
    'wget',
    'grep',
    'ps',
    'nc',
    'tar',
    'rm',
    'mkdir',
    'touch',
    'date',
    'seq',
    'true',
    'false',
    'head',
    'tail',
    'wc',
  ]
  return [
    fileEntry('/bin/busybox', 'bin/busybox', 0o755),
    ...applets.map((name): TarEntry => ({ path: `bin/${name}`, type: 'link', target: 'busybox' })),
  ]
}

/** Debian's Python, its standard library, and a wrapper-free search path for the client. */
function pythonEntries(): readonly TarEntry[] {
  const [folder = ''] = readdirSync('/usr/lib').filter((name) => /^python3\.\d+$/.test(name))
  const library = join('/usr/lib', folder)
  const modules = folderEntries(library, library.slice(1)).filter(
    ({ path }) =>
      !/__pycache__|\/config-3|\/test\/|\/idlelib\/|\/ensurepip\/|\/lib2to3\/|\/pydoc_data\//.test(
        path,
      ),
  )
  const shared = readdirSync(join(library, 'lib-dynload')).flatMap((name) =>
    sharedLibraryEntries(join(library, 'lib-dynload', name)),
  )
  const site = join(library, 'sitecustomize.py').slice(1)
  const customize = Buffer.from("import sys\nsys.path.append('/opt/python')\n")
  return [
    { path: site, type: 'file', bytes: customize, mode: 0o644 },
    ...programEntries('/usr/bin/python3', 'usr/bin/python3'),
    ...modules,
    ...shared,
  ]
}
