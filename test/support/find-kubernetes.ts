import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { CACHE } from '../cluster/paths.ts'

/** A real kubectl: the one built for the test cluster, else the machine's own; undefined when there is none. */
export function findKubectl(): string | undefined {
  const onPath = (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, 'kubectl'))
  return [...findBuilt('kubectl'), ...onPath].find((path) => works(path, ['version', '--client']))
}

/** The program that is every component of Kubernetes, if the test cluster has built it. */
export function findKube(): string | undefined {
  return findBuilt('kube').find((path) => works(path, ['kube-apiserver', '--version']))
}

/** Helm, if the test cluster has built it. */
export function findHelm(): string | undefined {
  return findBuilt('helm').find((path) => works(path, ['version']))
}

function findBuilt(name: string): readonly string[] {
  const bin = join(CACHE, 'bin')
  return existsSync(bin) ? readdirSync(bin).map((folder) => join(bin, folder, name)) : []
}

function works(path: string, args: readonly string[]): boolean {
  return existsSync(path) && spawnSync(path, args).status === 0
}
