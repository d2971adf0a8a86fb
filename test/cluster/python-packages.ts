import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { mustRun } from './run-command.ts'

/** Debian's own, whatever `python3` comes first on PATH: the agent image carries this one too. */
const PYTHON = '/usr/bin/python3'

/** Installs packages of PyPI into one folder of their own, unless it is there. */
export async function ensurePythonPackages(
  folder: string,
  requirements: readonly string[],
): Promise<void> {
  if (existsSync(folder)) return
  await mkdir(dirname(folder), { recursive: true })
  const staging = await mkdtemp(`${folder}-`)
  try {
    const target = join(staging, 'packages')
    const pip = [PYTHON, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
    await mustRun([
      ...pip,
      '--root-user-action=ignore',
      '--no-compile',
      '--target',
      target,
      ...requirements,
    ])
    await rename(target, folder)
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}
