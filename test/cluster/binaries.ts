import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { findGo } from './go-toolchain.ts'
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

export const KUBERNETES_VERSION = 'v1.34.4'
const [MAJOR, MINOR] = KUBERNETES_VERSION.slice(1).split('.')
const VERSION_PACKAGE = 'k8s.io/component-base/version'
const SOURCES = join(REPOSITORY, 'test', 'cluster', 'go')

interface Program {
  readonly folder: string
  readonly files: readonly string[]
  readonly target: string
  readonly linkerFlags: string
  /** How long a first build takes on two cores, for whoever waits. */
  readonly takes: string
}

const PROGRAMS: Readonly<Record<'kube' | 'helm' | 'coredns' | 'pause', Program>> = {
  kube: {
    folder: 'kube',
    files: ['main.go', 'go.mod', 'go.sum'],
    target: '.',
    linkerFlags: `-s -w -X ${VERSION_PACKAGE}.gitVersion=${KUBERNETES_VERSION} -X ${VERSION_PACKAGE}.gitMajor=${MAJOR} -X ${VERSION_PACKAGE}.gitMinor=${MINOR}`,
    takes: 'about five minutes',
  },
  coredns: {
    folder: 'coredns',
    files: ['main.go', 'go.mod', 'go.sum'],
    target: '.',
    linkerFlags: '-s -w',
    takes: 'about a minute',
  },
  helm: {
    folder: 'helm',
    files: ['tool.go', 'go.mod', 'go.sum'],
    target: 'helm.sh/helm/v3/cmd/helm',
    linkerFlags: '-s -w',
    takes: 'about a minute',
  },
  pause: {
    folder: 'pause',
    files: ['main.go', 'go.mod'],
    target: '.',
    linkerFlags: '-s -w',
    takes: 'a moment',
  },
}

/** Builds what is not in the cache yet. The cache's key is the sources, so a change builds anew. */
export async function ensureBinaries(log: Log): Promise<Binaries> {
  const kube = await ensureProgram('kube', log)
  const helm = await ensureProgram('helm', log)
  const coredns = await ensureProgram('coredns', log)
  const pause = await ensureProgram('pause', log)
  const kubectl = join(kube, '..', 'kubectl')
  if (!existsSync(kubectl)) await symlink(kube, kubectl).catch(ignoreExisting)
  return { kube, kubectl, helm, coredns, pause }
}

async function ensureProgram(name: keyof typeof PROGRAMS, log: Log): Promise<string> {
  const program = PROGRAMS[name]
  const hash = createHash('sha256').update(JSON.stringify(program))
  for (const file of program.files) hash.update(await readFile(join(SOURCES, program.folder, file)))
  const folder = join(CACHE, 'bin', `${name}-${hash.digest('hex').slice(0, 16)}`)
  const binary = join(folder, name)
  if (existsSync(binary)) return binary
  const go = await findGo(log)
  await withProgress(log, `Building ${name} (the first time takes ${program.takes})`, () =>
    build(go, program, folder, name),
  )
  return binary
}

/** Builds beside and renames, so that a killed build or two at once leave no half file. */
async function build(go: string, program: Program, folder: string, name: string): Promise<void> {
  await mkdir(join(CACHE, 'bin'), { recursive: true })
  const staging = await mkdtemp(join(CACHE, 'bin', '.build-'))
  const env = { CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false -mod=readonly', GOTOOLCHAIN: 'local' }
  const output = join(staging, name)
  try {
    await mustRun(
      [go, 'build', '-trimpath', `-ldflags=${program.linkerFlags}`, '-o', output, program.target],
      { cwd: join(SOURCES, program.folder), env },
    )
    await rename(staging, folder).catch(ignoreExisting)
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

/** Someone else finished the same build first; theirs is as good. */
function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST' && error.code !== 'ENOTEMPTY') throw error
}
