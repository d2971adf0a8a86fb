import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { binaryPath } from '../cluster/binaries.ts'
import { chosenKubernetes } from '../cluster/kubernetes-versions.ts'

/* Of the version of Kubernetes that the tests run on; `node test/cluster/prepare.ts` builds them. */

/** A real kubectl: the one built for the test cluster, else the machine's own; undefined when there is none. */
export function findKubectl(): string | undefined {
  const onPath = (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, 'kubectl'))
  const built = binaryPath('kubectl', chosenKubernetes())
  return [built, ...onPath].find((path) => works(path, ['version', '--client']))
}

/** The program that is every component of Kubernetes, if the test cluster has built it. */
export function findKube(): string | undefined {
  const path = binaryPath('kube', chosenKubernetes())
  return works(path, ['kube-apiserver', '--version']) ? path : undefined
}

/** Helm, if the test cluster has built it. */
export function findHelm(): string | undefined {
  const path = binaryPath('helm', chosenKubernetes())
  return works(path, ['version']) ? path : undefined
}

function works(path: string, args: readonly string[]): boolean {
  return existsSync(path) && spawnSync(path, args).status === 0
}
