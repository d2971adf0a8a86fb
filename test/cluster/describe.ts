import { type ComponentState, listComponents } from './control.ts'
import { clusterPaths } from './paths.ts'

export interface ClusterDescription {
  readonly name: string
  /** True when every component runs. */
  readonly running: boolean
  readonly kubeconfig: string
  /** Empty when the cluster is not there at all. */
  readonly components: readonly ComponentState[]
}

/** What runs of a cluster, as its supervisor says; nothing when nobody answers. */
export async function describeCluster(name: string): Promise<ClusterDescription> {
  const paths = clusterPaths(name)
  const components = await listComponents(paths)
  const running = components.length > 0 && components.every(({ pid }) => pid !== 0)
  return { name, running, kubeconfig: paths.adminKubeconfig, components }
}
