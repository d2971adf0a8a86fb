import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { withFileLock } from './file-lock.ts'
import { mustRun } from './run-command.ts'

/** Debian's own, whatever `python3` comes first on PATH: the agent image carries this one too. */
const PYTHON = '/usr/bin/python3'
const STAGING = '.python-'

/**
 * Installs packages of PyPI into one folder of their own, unless it is there: its name is to tell
 * their versions. Two runs at the same time install once.
 */
export async function ensurePythonPackages(
  folder: string,
  requirements: readonly string[],
  install: (target: string, requirements: readonly string[]) => Promise<unknown> = runPip,
): Promise<void> {
  if (existsSync(folder)) return
  const parent = dirname(folder)
  await mkdir(parent, { recursive: true })
  await withFileLock(
    join(parent, '.python.lock'),
    () => {},
    async () => {
      if (existsSync(folder)) return
      // We hold the lock: what is called so was left by a run that was killed.
      for (const left of (await readdir(parent)).filter((name) => name.startsWith(STAGING))) {
        await rm(join(parent, left), { recursive: true, force: true })
      }
      const staging = await mkdtemp(join(parent, STAGING))
      try {
        const target = join(staging, 'packages')
        await install(target, requirements)
        await rename(target, folder)
      } finally {
        await rm(staging, { recursive: true, force: true })
      }
    },
  )
}

function runPip(target: string, requirements: readonly string[]): Promise<string> {
  const pip = [PYTHON, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
  const where = ['--root-user-action=ignore', '--no-compile', '--target', target]
  return mustRun([...pip, ...where, ...requirements])
}
