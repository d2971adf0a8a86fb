import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { CACHE } from '../cluster/paths.ts'

/** A real kubectl: the one built for the test cluster, else the machine's own; undefined when there is none. */
export function findKubectl(): string | undefined {
  const bin = join(CACHE, 'bin')
  const built = existsSync(bin)
    ? readdirSync(bin)
        .filter((folder) => folder.startsWith('kube-'))
        .map((folder) => join(bin, folder, 'kubectl'))
    : []
  const onPath = (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, 'kubectl'))
  return [...built, ...onPath].find((path) => existsSync(path) && isKubectl(path))
}

function isKubectl(path: string): boolean {
  return spawnSync(path, ['version', '--client']).status === 0
}
