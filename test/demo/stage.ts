import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { INJECTION_ENABLED, INJECTION_LABEL } from '../../core/names.ts'
import { buildPlugin } from '../../deploy/plugin/build-plugin.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { createKubectl, type Kubectl } from './kubectl.ts'
import {
  APPROVAL_POLICY,
  MASK_POLICY,
  manifestsOf,
  namespaceObjects,
  POLICY,
  UNWATCHED,
  WATCHED,
} from './manifests.ts'
import type { Cast } from './step.ts'

/** The cluster with everything the story needs, and the people in it. */
export interface Stage extends Cast {
  /** Holds the manifests and alice.kubeconfig; the story's commands are typed there. */
  readonly folder: string
  /** PATH on which `kubectl`, its plugin `kubectl lanyard` and `helm` are found. */
  readonly path: string
  close(): Promise<void>
}

/**
 * Makes the two namespaces, alice, the plugin and the files, whose folder goes with the cluster at the
 * latest. `optIn` labels the namespace that Lanyard watches; the story does so where all can see.
 */
export async function setTheStage(
  cluster: Cluster,
  { optIn }: { readonly optIn: boolean },
): Promise<Stage> {
  const folder = await mkdtemp(join(cluster.paths.root, 'stage-'))
  await buildPlugin(join(folder, 'bin', 'kubectl-lanyard'))
  const { kubectlPath, helmPath } = cluster
  const programs = [join(folder, 'bin'), dirname(kubectlPath), dirname(helmPath)]
  const path = [...programs, process.env['PATH'] ?? ''].join(':')
  const aliceKubeconfig = await cluster.kubeconfigFor('alice', ['developers'])
  const oncallKubeconfig = await cluster.kubeconfigFor('oscar', ['oncall'])
  await writeFiles(folder, { alice: aliceKubeconfig, oncall: oncallKubeconfig })
  const kubectl = (kubeconfig: string) =>
    createKubectl({ kubectlPath, kubeconfig, path, cwd: folder })
  const admin = kubectl(cluster.adminKubeconfig)
  await prepare(admin, WATCHED, optIn)
  await prepare(admin, UNWATCHED, false)
  return {
    admin,
    alice: kubectl(aliceKubeconfig),
    oncall: kubectl(oncallKubeconfig),
    folder,
    path,
    close: () => rm(folder, { recursive: true, force: true }),
  }
}

async function writeFiles(
  folder: string,
  kubeconfigs: Readonly<Record<'alice' | 'oncall', string>>,
): Promise<void> {
  for (const [who, path] of Object.entries(kubeconfigs)) {
    await symlink(path, join(folder, `${who}.kubeconfig`))
  }
  const policies = [POLICY, MASK_POLICY, APPROVAL_POLICY].map(({ file }) => file)
  const launches = [WATCHED, UNWATCHED].flatMap((each) => Object.values(manifestsOf(each)))
  for (const { name, text } of [...launches, ...policies]) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
}

async function prepare(admin: Kubectl, namespace: string, optIn: boolean): Promise<void> {
  const labels = optIn ? { [INJECTION_LABEL]: INJECTION_ENABLED } : {}
  const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } }
  const list = { apiVersion: 'v1', kind: 'List', items: [object, ...namespaceObjects(namespace)] }
  await admin.must(['apply', '-f', '-'], JSON.stringify(list))
}
