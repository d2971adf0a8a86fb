import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { buildPlugin } from '../../cli/build.ts'
import { INJECTION_ENABLED, INJECTION_LABEL } from '../../core/names.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { createKubectl, type Kubectl } from './kubectl.ts'
import { namespaceObjects, UNWATCHED, WATCHED } from './manifests.ts'
import type { Cast } from './story.ts'

/** The cluster with everything the story needs, and the people in it. */
export interface Stage extends Cast {
  /** PATH on which `kubectl` and its plugin `kubectl lanyard` are found. */
  readonly path: string
  readonly aliceKubeconfig: string
  close(): Promise<void>
}

/**
 * Makes the two namespaces, alice, and the plugin, whose folder goes with the cluster at the latest.
 * Lanyard must be installed.
 */
export async function setTheStage(cluster: Cluster): Promise<Stage> {
  const folder = await mkdtemp(join(cluster.paths.root, 'plugin-'))
  await buildPlugin(join(folder, 'kubectl-lanyard'))
  const { kubectlPath } = cluster
  const path = [folder, join(kubectlPath, '..'), process.env['PATH'] ?? ''].join(':')
  const admin = createKubectl({ kubectlPath, kubeconfig: cluster.adminKubeconfig, path })
  const aliceKubeconfig = await cluster.kubeconfigFor('alice', ['developers'])
  const alice = createKubectl({ kubectlPath, kubeconfig: aliceKubeconfig, path })
  for (const namespace of [WATCHED, UNWATCHED]) await prepare(admin, namespace)
  return {
    admin,
    alice,
    path,
    aliceKubeconfig,
    close: () => rm(folder, { recursive: true, force: true }),
  }
}

async function prepare(admin: Kubectl, namespace: string): Promise<void> {
  const labels = namespace === WATCHED ? { [INJECTION_LABEL]: INJECTION_ENABLED } : {}
  const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } }
  const list = { apiVersion: 'v1', kind: 'List', items: [object, ...namespaceObjects(namespace)] }
  await admin.must(['apply', '-f', '-'], JSON.stringify(list))
}
