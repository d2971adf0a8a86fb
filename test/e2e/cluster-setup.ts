import { attachCluster, type Cluster, startCluster } from '../cluster/cluster.ts'
import { takeFileLock } from '../cluster/file-lock.ts'
import { installLanyard } from '../cluster/lanyard.ts'
import { runLock } from '../cluster/paths.ts'
import { type Stage, setTheStage } from '../demo/stage.ts'

/* One cluster with Lanyard installed serves every end-to-end file; vitest runs this before them. */

/** Names a cluster that runs, or is 1 for `e2e`: the tests use that one, and leave it. */
const ADOPT = 'LANYARD_E2E_ADOPT'
const adopted = process.env[ADOPT] ?? ''
const NAME = ['', '1'].includes(adopted) ? 'e2e' : adopted
const log = (line: string) => process.stderr.write(`${line}\n`)

/**
 * Starts the cluster and returns what removes it; it ends with this process at the latest, and what
 * a killed run left is removed first. One run at a time: all of them use the same names.
 */
export default async function setup(): Promise<() => Promise<void>> {
  const release = await takeFileLock(runLock(NAME), () =>
    log('Waiting for another run of the end-to-end tests'),
  )
  try {
    const remove = await prepareCluster()
    return () => remove().finally(release)
  } catch (error) {
    await release()
    throw error
  }
}

async function prepareCluster(): Promise<() => Promise<void>> {
  if (adopted !== '') {
    await installLanyard(await attachCluster(NAME), log)
    return async () => {}
  }
  const cluster = await startCluster({ name: NAME, log, endsWithProcess: true })
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
  return { ...(await setTheStage(cluster, { optIn: true })), cluster }
}
