import { attachCluster, type Cluster, startCluster } from '../cluster/cluster.ts'
import { describeCluster } from '../cluster/describe.ts'
import { installLanyard } from '../cluster/lanyard.ts'
import { type Stage, setTheStage } from '../demo/stage.ts'

/* One cluster with Lanyard installed serves every end-to-end file; vitest runs this before them. */

const NAME = 'e2e'
const log = (line: string) => process.stderr.write(`${line}\n`)

/**
 * Starts the cluster and returns what removes it. One that runs already gets what the tree holds
 * now and stays: whoever works on one test starts it once.
 */
export default async function setup(): Promise<() => Promise<void>> {
  const runs = (await describeCluster(NAME)).running
  const cluster = runs ? await attachCluster(NAME) : await startCluster({ name: NAME, log })
  const remove = runs ? async () => {} : () => cluster.stop()
  try {
    await installLanyard(cluster, log)
  } catch (error) {
    await remove()
    throw error
  }
  return remove
}

/** The running cluster with the story's namespaces and people. */
export async function theStage(): Promise<Stage & { readonly cluster: Cluster }> {
  const cluster = await attachCluster(NAME)
  return { ...(await setTheStage(cluster)), cluster }
}
