import { attachCluster, type Cluster, startCluster } from '../cluster/cluster.ts'
import { installLanyard } from '../cluster/lanyard.ts'
import { type Stage, setTheStage } from '../demo/stage.ts'

/* One cluster with Lanyard installed serves every end-to-end file; vitest runs this before them. */

const NAME = 'e2e'
const log = (line: string) => process.stderr.write(`${line}\n`)

/** Starts the cluster; what it returns removes it. */
export default async function setup(): Promise<() => Promise<void>> {
  const cluster = await startCluster({ name: NAME, log })
  try {
    await installLanyard(cluster, log)
  } catch (error) {
    await cluster.stop()
    throw error
  }
  return () => cluster.stop()
}

/** The running cluster with the story's namespaces and people. */
export async function theStage(): Promise<Stage & { readonly cluster: Cluster }> {
  const cluster = await attachCluster(NAME)
  return { ...(await setTheStage(cluster)), cluster }
}
