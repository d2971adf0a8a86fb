import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { markUsed, removeUnused } from './cache-entries.ts'
import { withFileLock } from './file-lock.ts'
import { findGo, goEnvironment } from './go-toolchain.ts'
import { CACHE, REPOSITORY } from './paths.ts'
import { type Log, withProgress } from './progress.ts'
import { mustRun } from './run-command.ts'

export interface Binaries {
  /** Every component of Kubernetes; the first argument says which. */
  readonly kube: string
  readonly kubectl: string
  readonly helm: string
  readonly coredns: string
  readonly pause: string
}

const KUBERNETES_VERSION = 'v1.34.4'
const [MAJOR, MINOR] = KUBERNETES_VERSION.slice(1).split('.')
const VERSION_PACKAGE = 'k8s.io/component-base/version'
const STRIPPED = '-s -w'
/** Where kubectl's user agent comes from. */
const CLIENT_VERSION_PACKAGE = 'k8s.io/client-go/pkg/version'
const VERSIONED = [
  STRIPPED,
  `-X ${VERSION_PACKAGE}.gitVersion=${KUBERNETES_VERSION}`,
  `-X ${VERSION_PACKAGE}.gitMajor=${MAJOR}`,
  `-X ${VERSION_PACKAGE}.gitMinor=${MINOR}`,
  `-X ${CLIENT_VERSION_PACKAGE}.gitVersion=${KUBERNETES_VERSION}`,
  `-X ${CLIENT_VERSION_PACKAGE}.gitCommit=`,
].join(' ')
const SOURCES = join(REPOSITORY, 'test', 'cluster', 'go')
const BIN = join(CACHE, 'bin')

interface Program {
  readonly folder: string
  readonly files: readonly string[]
  readonly target: string
  readonly linkerFlags: string
  /** How long a first build takes on two cores, for whoever waits. */
  readonly takes: string
}

const PROGRAMS: Readonly<Record<keyof Binaries, Program>> = {
  kube: {
    folder: 'kube',
    files: ['main.go', 'go.mod', 'go.sum'],
    target: '.',
    linkerFlags: VERSIONED,
    takes: 'about five minutes',
  },
  kubectl: {
    folder: 'kube',
    files: ['main.go', 'go.mod', 'go.sum'],
    target: 'k8s.io/kubernetes/cmd/kubectl',
    linkerFlags: VERSIONED,
    takes: 'about ten seconds',
  },
  coredns: {
    folder: 'coredns',
    files: ['main.go', 'go.mod', 'go.sum'],
    target: '.',
    linkerFlags: STRIPPED,
    takes: 'about a minute',
  },
  helm: {
    folder: 'helm',
    files: ['tool.go', 'go.mod', 'go.sum'],
    target: 'helm.sh/helm/v3/cmd/helm',
    linkerFlags: STRIPPED,
    takes: 'about a minute',
  },
  pause: {
    folder: 'pause',
    files: ['main.go', 'go.mod'],
    target: '.',
    linkerFlags: STRIPPED,
    takes: 'a moment',
  },
}

/**
 * Builds what is not in the cache yet. The cache's key is the sources, so a change builds anew. Two
 * runs at once build once: the second waits for the first.
 */
export async function ensureBinaries(log: Log): Promise<Binaries> {
  const found: Partial<Record<keyof Binaries, string>> = {}
  for (const name of Object.keys(PROGRAMS) as (keyof Binaries)[]) {
    found[name] = await ensureProgram(name, log)
  }
  return found as Binaries
}

async function ensureProgram(name: keyof Binaries, log: Log): Promise<string> {
  const program = PROGRAMS[name]
  const hash = createHash('sha256').update(JSON.stringify({ ...program, takes: '' }))
  for (const file of program.files) hash.update(await readFile(join(SOURCES, program.folder, file)))
  const folder = join(BIN, `${name}-${hash.digest('hex').slice(0, 16)}`)
  const binary = join(folder, name)
  if (existsSync(binary)) {
    await markUsed(folder)
    return binary
  }
  const onWait = () => log(`Waiting for another run that builds ${name}`)
  await withFileLock(join(BIN, '.lock'), onWait, async () => {
    if (existsSync(binary)) return
    const go = await findGo(log)
    await withProgress(log, `Building ${name} (the first time takes ${program.takes})`, () =>
      build(go, program, folder, name),
    )
    await removeUnused(folder)
  })
  return binary
}

/** Builds beside and renames, so that a killed build leaves no half file under the final name. */
async function build(go: string, program: Program, folder: string, name: string): Promise<void> {
  await mkdir(BIN, { recursive: true })
  // We hold the lock: what is called so was left by a killed build.
  for (const left of (await readdir(BIN)).filter((entry) => entry.startsWith('.build-'))) {
    await rm(join(BIN, left), { recursive: true, force: true })
  }
  const staging = await mkdtemp(join(BIN, '.build-'))
  const output = join(staging, name)
  try {
    await mustRun(
      [go, 'build', '-trimpath', `-ldflags=${program.linkerFlags}`, '-o', output, program.target],
      { cwd: join(SOURCES, program.folder), env: goEnvironment(go) },
    )
    await rename(staging, folder)
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}
