import { join } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node'
import type { z } from 'zod'
import type { Cluster } from '../test/cluster/cluster.ts'
import { mustRun } from '../test/cluster/run-command.ts'
import { withinSeconds } from './child-process.ts'
import { type createLoadOptions, createLoadResult } from './create-load.ts'
import { API_SERVER } from './peers.ts'

type Options = Pick<
  z.infer<typeof createLoadOptions>,
  'path' | 'object' | 'namePrefix' | 'count' | 'inFlight'
>

const SECONDS_MAX = 300

/** Creates many objects as the user of a kubeconfig, from the node, and resolves with what was answered. */
export async function createObjects(
  cluster: Cluster,
  kubeconfig: string,
  options: Options,
): Promise<z.infer<typeof createLoadResult>> {
  const config = new KubeConfig()
  config.loadFromFile(kubeconfig)
  const pem = (base64: string | undefined) => Buffer.from(base64 ?? '', 'base64').toString()
  const user = config.getCurrentUser()
  const input: z.infer<typeof createLoadOptions> = {
    ...options,
    origin: `https://${API_SERVER.host}:${API_SERVER.port}`,
    caPem: pem(config.getCurrentCluster()?.caData),
    client: { cert: pem(user?.certData), key: pem(user?.keyData) },
  }
  const client = [process.execPath, join(import.meta.dirname, 'create-load.ts')]
  const output = await mustRun(cluster.nodeCommand(withinSeconds(SECONDS_MAX, client)), {
    input: JSON.stringify(input),
  })
  return createLoadResult.parse(JSON.parse(output))
}
