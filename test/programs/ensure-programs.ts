import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { dockerArchive } from '../../deploy/images/docker-archive.ts'
import {
  fileEntry,
  folderEntries,
  sharedLibraryEntries,
  withFolders,
} from '../../deploy/images/files.ts'
import { writeTar } from '../../deploy/images/tar.ts'
import { ensureBinaries } from '../cluster/binaries.ts'
import { markUsed, removeUnused } from '../cluster/cache-entries.ts'
import { withFileLock } from '../cluster/file-lock.ts'
import { chosenKubernetes } from '../cluster/kubernetes-versions.ts'
import { CACHE } from '../cluster/paths.ts'
import { type Log, withProgress } from '../cluster/progress.ts'
import { mustRun } from '../cluster/run-command.ts'
import { ensureTestImages } from '../cluster/test-images.ts'
import { buildGo } from './build-go.ts'
import { buildJava } from './build-java.ts'
import { buildPython } from './build-python.ts'
import { buildRust } from './build-rust.ts'

/** What the image is called in a cluster that it was loaded into. */
export const PROGRAMS_IMAGE = 'lanyard-test/programs:1'

/** Version of what is packed below; a change of it raises this. */
const RECIPE = 1
const IMAGES = join(CACHE, 'images')
const ROOT = 'opt/programs'
/** What JupyterHub shows in a browser. */
const UNUSED = /^opt\/programs\/python\/share\//

/** Folders of the cache, each a layer of the image at `/opt/programs/NAME`. */
type Layers = Readonly<Record<string, string>>

/**
 * The docker archive of the real programs that the end-to-end tests run, on top of the agent image:
 * clients of Java, Go, Rust and Python, Helm, and what was written with them. Whatever is not in the
 * cache is fetched from the registries and built, which takes some minutes. Throws with the end of what
 * a compiler or package client said.
 */
export async function ensureProgramsImage(log: Log): Promise<string> {
  const binaries = await ensureBinaries(chosenKubernetes(), log)
  const { agent } = await ensureTestImages(binaries, log)
  const layers: Layers = {
    java: await buildJava(log),
    go: await buildGo(log),
    rust: await buildRust(log),
    python: await buildPython('clients', log),
    airflow: await buildPython('airflow', log),
  }
  const inputs = [agent, binaries.helm, ...Object.values(layers)].map((path) => basename(path))
  const key = createHash('sha256').update(JSON.stringify([RECIPE, inputs, binaries.helm]))
  const path = join(IMAGES, `programs-${key.digest('hex').slice(0, 16)}.tar`)
  if (existsSync(path)) {
    await markUsed(path)
    return path
  }
  const onWait = () => log('Waiting for another run that packs the image programs')
  await withFileLock(join(IMAGES, '.programs.lock'), onWait, async () => {
    if (existsSync(path)) return
    await withProgress(log, 'Packing the image programs', () =>
      packPrograms(path, agent, binaries.helm, layers),
    )
    await removeUnused(path)
  })
  return path
}

/** We hold the lock, so what is in the way was left by a run that was killed. */
async function packPrograms(
  path: string,
  agent: string,
  helm: string,
  layers: Layers,
): Promise<void> {
  const work = join(IMAGES, '.programs')
  await rm(work, { recursive: true, force: true })
  await mkdir(work)
  try {
    await mustRun(['tar', '-xf', agent, '-C', work])
    const image = {
      reference: PROGRAMS_IMAGE,
      user: '1000:1000',
      entrypoint: [],
      command: ['/bin/sh'],
      env: ['HOME=/tmp'],
      layers: [
        ...(await layersOf(work)),
        writeTar(withFolders([fileEntry(helm, `${ROOT}/helm`, 0o755)])),
        ...Object.entries(layers).map(([name, folder]) => programLayer(name, folder)),
      ],
    }
    const staging = join(work, 'programs.tar')
    await writeFile(staging, dockerArchive([image]))
    await rename(staging, path)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** The layers of an unpacked docker archive of one image, the lowest first. */
async function layersOf(folder: string): Promise<readonly Buffer[]> {
  const text = await readFile(join(folder, 'manifest.json'), 'utf8')
  const [image] = JSON.parse(text) as readonly { readonly Layers: readonly string[] }[]
  if (image === undefined) throw new Error('Cannot pack: the agent image is empty')
  return image.Layers.map((layer) => readFileSync(join(folder, layer)))
}

/** What was built, and the machine's shared libraries that its parts are linked with. */
function programLayer(name: string, folder: string): Buffer {
  const own = folderEntries(folder, `${ROOT}/${name}`).filter(({ path }) => !UNUSED.test(path))
  const linked = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.so(?:\.[\d.]+)?$|^client$|\/bin\/java$/.test(path))
    .map((path) => join(folder, path))
  const libraries = sharedLibraryEntries(...linked).filter(({ path }) =>
    /^(?:usr\/)?lib(?:64)?\//.test(path),
  )
  return writeTar(withFolders([...own, ...libraries]))
}
