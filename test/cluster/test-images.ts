import { createHash } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { dockerArchive } from '../../deploy/images/docker-archive.ts'
import {
  baseEntries,
  fileEntry,
  folderEntries,
  libraryEntries,
  nameServiceEntries,
  programEntries,
  withFolders,
} from '../../deploy/images/files.ts'
import { type TarEntry, writeTar } from '../../deploy/images/tar.ts'
import type { Binaries } from './binaries.ts'
import { CACHE, REPOSITORY } from './paths.ts'
import { type Log, withProgress } from './progress.ts'
import { mustRun } from './run-command.ts'

/* Images of the test cluster: pause, CoreDNS, and an agent with the usual clients in it. */

/** Version of what the recipes below make; a change of a recipe raises it. */
const RECIPE = 1
const NODE = join(REPOSITORY, 'node_modules', 'node', 'bin', 'node')
const PYTHON_CLIENT = 'kubernetes==34.1.0'

/** Paths of docker archives, made once. */
export async function ensureTestImages(binaries: Binaries, log: Log): Promise<readonly string[]> {
  return [
    await ensureImage('pause', [binaries.pause], log, () =>
      pack(
        'lanyard-test/pause:1',
        '65535:65535',
        ['/pause'],
        [fileEntry(binaries.pause, 'pause', 0o755)],
      ),
    ),
    await ensureImage('coredns', [binaries.coredns], log, () =>
      pack(
        'lanyard-test/coredns:1',
        '65532:65532',
        ['/coredns'],
        [fileEntry(binaries.coredns, 'coredns', 0o755)],
      ),
    ),
    await ensureImage('agent', [binaries.kube, NODE, PYTHON_CLIENT], log, () =>
      packAgent(binaries),
    ),
  ]
}

async function ensureImage(
  name: string,
  inputs: readonly string[],
  log: Log,
  make: () => Promise<Buffer>,
): Promise<string> {
  const key = createHash('sha256').update(JSON.stringify([RECIPE, name, inputs]))
  const lock = await readFile(join(REPOSITORY, 'package-lock.json'))
  const digest = key
    .update(name === 'agent' ? lock : '')
    .digest('hex')
    .slice(0, 16)
  const path = join(CACHE, 'images', `${name}-${digest}.tar`)
  if (existsSync(path)) return path
  await mkdir(join(CACHE, 'images'), { recursive: true })
  await withProgress(log, `Packing the image ${name}`, async () => {
    await writeFile(`${path}.${process.pid}`, await make())
    await rename(`${path}.${process.pid}`, path)
  })
  return path
}

function pack(
  reference: string,
  user: string,
  entrypoint: readonly string[],
  entries: readonly TarEntry[],
): Promise<Buffer> {
  const layer = writeTar(withFolders([...entries, ...baseEntries(user)]))
  return Promise.resolve(dockerArchive({ reference, user, entrypoint, layers: [layer] }))
}

/** A shell, kubectl, curl, Node and Python, the last two with their official clients. */
async function packAgent(binaries: Binaries): Promise<Buffer> {
  const work = await mkdtemp(join(CACHE, 'images', '.agent-'))
  try {
    const python = join(work, 'python')
    const install = ['pip', 'install', '--quiet', '--no-compile', '--target', python, PYTHON_CLIENT]
    await mustRun(['python3', '-m', 'venv', join(work, 'venv')])
    await mustRun([join(work, 'venv', 'bin', 'python'), '-m', ...install])
    const node = join(work, 'node')
    await mkdir(node)
    const npm = ['npm', 'install', '--prefix', node, '--ignore-scripts', '--no-audit', '--no-fund']
    const { dependencies } = JSON.parse(
      await readFile(join(REPOSITORY, 'package.json'), 'utf8'),
    ) as {
      dependencies: Record<string, string>
    }
    const client = '@kubernetes/client-node'
    await mustRun([...npm, `${client}@${dependencies[client]}`])
    return await pack(
      'lanyard-test/agent:latest',
      '1000:1000',
      ['/bin/sh'],
      [
        ...shellEntries(),
        fileEntry(binaries.kube, 'usr/bin/kubectl', 0o755),
        ...programEntries('/usr/bin/curl', 'usr/bin/curl'),
        ...programEntries(NODE, 'usr/bin/node'),
        ...nameServiceEntries(),
        ...pythonEntries(),
        ...folderEntries(python, 'opt/python'),
        ...folderEntries(join(node, 'node_modules'), 'node_modules'),
      ],
    )
  } finally {
    await rm(work, { recursive: true, force: true })
  }
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
    ({ path }) => !/__pycache__|\/test\/|\/idlelib\/|\/ensurepip\/|\/lib2to3\//.test(path),
  )
  const shared = readdirSync(join(library, 'lib-dynload')).flatMap((name) =>
    libraryEntries(join(library, 'lib-dynload', name)),
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
