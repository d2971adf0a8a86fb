import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { buildProgram } from './build-program.ts'
import { markUsed, removeUnused } from './cache-entries.ts'
import { withFileLock } from './file-lock.ts'
import { findGo } from './go-toolchain.ts'
import { KUBERNETES_RELEASES, type KubernetesVersion } from './kubernetes-versions.ts'
import { CACHE, REPOSITORY } from './paths.ts'
import type { Log } from './progress.ts'

export interface Binaries {
  /** Every component of Kubernetes; the first argument says which. */
  readonly kube: string
  readonly kubectl: string
  readonly helm: string
  readonly coredns: string
  readonly pause: string
}

export type ProgramName = keyof Binaries

/** How one Go program is built. Everything here, and what its files hold, is the cache's key. */
export interface Program {
  readonly folder: string
  readonly files: readonly string[]
  /** The module file, where it is not called go.mod. */
  readonly moduleFile: string
  readonly tags: string
  readonly target: string
  readonly linkerFlags: string
}

const VERSION_PACKAGE = 'k8s.io/component-base/version'
const STRIPPED = '-s -w'
/** Where kubectl's user agent comes from. */
const CLIENT_VERSION_PACKAGE = 'k8s.io/client-go/pkg/version'
const SOURCES = join(REPOSITORY, 'test', 'cluster', 'go')
const BIN = join(CACHE, 'bin')
const PROGRAM_NAMES: readonly ProgramName[] = ['kube', 'kubectl', 'coredns', 'helm', 'pause']

/**
 * Builds what is not in the cache yet of the programs of one version. Two runs at the same time build once: the
 * second waits for the first. Throws with the end of what the compiler said.
 */
export async function ensureBinaries(version: KubernetesVersion, log: Log): Promise<Binaries> {
  const found: Partial<Record<ProgramName, string>> = {}
  for (const name of PROGRAM_NAMES) found[name] = await ensureProgram(name, version, log)
  return found as Binaries
}

/**
 * Where the cache has a program, or will have it. The key is the sources, so a change builds again, and
 * each version of Kubernetes has programs of its own.
 */
export function binaryPath(name: ProgramName, version: KubernetesVersion): string {
  const program = programOf(name, version)
  const hash = createHash('sha256').update(JSON.stringify(program))
  for (const file of program.files) hash.update(readFileSync(join(SOURCES, program.folder, file)))
  const label = program.folder === 'kube' ? `${name}-${version}` : name
  return join(BIN, `${label}-${hash.digest('hex').slice(0, 16)}`, name)
}

function programOf(name: ProgramName, version: KubernetesVersion): Program {
  const plain = { moduleFile: '', tags: '', linkerFlags: STRIPPED }
  switch (name) {
    case 'kube':
      return kubernetesProgram(version, '.')
    case 'kubectl':
      return kubernetesProgram(version, 'k8s.io/kubernetes/cmd/kubectl')
    case 'coredns':
      return { ...plain, folder: name, files: ['main.go', 'go.mod', 'go.sum'], target: '.' }
    case 'helm': {
      const files = ['tool.go', 'go.mod', 'go.sum']
      return { ...plain, folder: name, files, target: 'helm.sh/helm/v3/cmd/helm' }
    }
    case 'pause':
      return { ...plain, folder: name, files: ['main.go', 'go.mod'], target: '.' }
    default:
      return name satisfies never
  }
}

function kubernetesProgram(version: KubernetesVersion, target: string): Program {
  const release = `v${KUBERNETES_RELEASES[version]}`
  const [major, minor] = version.split('.')
  const moduleFile = `${version}.mod`
  return {
    folder: 'kube',
    files: ['main.go', 'kubelet.go', 'kubelet_1_30.go', moduleFile, `${version}.sum`],
    moduleFile,
    tags: `kubernetes_${version.replace('.', '_')}`,
    target,
    linkerFlags: [
      STRIPPED,
      `-X ${VERSION_PACKAGE}.gitVersion=${release}`,
      `-X ${VERSION_PACKAGE}.gitMajor=${major}`,
      `-X ${VERSION_PACKAGE}.gitMinor=${minor}`,
      `-X ${CLIENT_VERSION_PACKAGE}.gitVersion=${release}`,
      `-X ${CLIENT_VERSION_PACKAGE}.gitCommit=`,
    ].join(' '),
  }
}

async function ensureProgram(
  name: ProgramName,
  version: KubernetesVersion,
  log: Log,
): Promise<string> {
  const binary = binaryPath(name, version)
  const folder = join(binary, '..')
  if (existsSync(binary)) {
    await markUsed(folder)
    return binary
  }
  const onWait = () => log(`Waiting for another run that builds ${name}`)
  await withFileLock(join(BIN, '.lock'), onWait, async () => {
    if (existsSync(binary)) return
    await buildIntoCache(name, programOf(name, version), folder, log)
    await removeUnused(folder)
  })
  return binary
}

/** Builds beside and renames, so that a killed build leaves no half file under the final name. */
async function buildIntoCache(
  name: ProgramName,
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
