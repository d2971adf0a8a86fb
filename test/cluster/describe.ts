import { existsSync } from 'node:fs'
import { control } from './control.ts'
import { clusterPaths } from './paths.ts'

export interface ClusterDescription {
  readonly name: string
  /** True when every component runs. */
  readonly running: boolean
  readonly kubeconfig: string
  /** Process ids inside the cluster's PID namespace; 0 for a component that does not run. */
  readonly components: readonly { readonly name: string; readonly pid: number }[]
}

/** What runs of a cluster, as its supervisor says; nothing when nobody answers. */
export async function describeCluster(name: string): Promise<ClusterDescription> {
  const paths = clusterPaths(name)
  const nobody = { components: [] as ClusterDescription['components'] }
  const answer = existsSync(paths.controlSocket)
    ? // A socket file whose supervisor was killed refuses; that is "not running".
      await control(paths, { op: 'list' }).catch(() => nobody)
    : nobody
  const { components } = answer as typeof nobody
  const running = components.length > 0 && components.every(({ pid }) => pid !== 0)
  return { name, running, kubeconfig: `${paths.kubeconfigs}/admin-outside`, components }
}
