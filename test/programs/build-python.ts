import { join } from 'node:path'
import type { Log } from '../cluster/progress.ts'
import { mustRun, runCommand } from '../cluster/run-command.ts'
import { ensureFolder } from './ensure-folder.ts'

/** Debian's own, whose minor version the agent image carries: some packages are built for one. */
const PYTHON = '/usr/bin/python3'

/**
 * The packages of `python/NAME.txt` in a folder of their own. The list is whole and exact: nothing that
 * it does not name is installed.
 */
export async function buildPython(name: string, log: Log): Promise<string> {
  const requirements = `python/${name}.txt`
  return ensureFolder(
    {
      name: `python-${name}`,
      sources: [requirements],
      recipe: 1,
      takes: 'about a minute',
      build: async (folder) => {
        const pip = [PYTHON, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
        const how = ['--root-user-action=ignore', '--no-compile', '--no-deps', '--target', folder]
        await mustRun([...pip, ...how, '-r', join(import.meta.dirname, requirements)])
        // A container may not write what it compiles. Without times, which an image does not keep.
        const compile = [PYTHON, '-m', 'compileall', '-qq', '--invalidation-mode']
        await runCommand([...compile, 'unchecked-hash', folder])
      },
    },
    log,
  )
}
