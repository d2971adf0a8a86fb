import type { ClusterPaths } from './paths.ts'
import { mustRun } from './run-command.ts'

/** Makes the images of a docker archive known to the cluster's node. Throws with containerd's words. */
export async function importImage(paths: ClusterPaths, tarPath: string): Promise<void> {
  // From the machine and not from inside: a file of any of its file systems can be read here.
  const ctr = ['ctr', '--address', paths.containerdSocket, '-n', 'k8s.io']
  await mustRun([...ctr, 'images', 'import', tarPath])
}
