import type { CoreV1Api } from '@kubernetes/client-node'
import type { Cluster } from '../../core/cluster.ts'
import { Fault } from '../../core/fault.ts'

const NAMESPACE = 'kube-system'

/**
 * Which cluster this is: the UID of a namespace that is there from its first day to its last, and the
 * name that its administrators gave it. Throws `decision_unavailable` when kube-apiserver does not say.
 */
export async function readOwnCluster(
  api: Pick<CoreV1Api, 'readNamespace'>,
  name: string,
): Promise<Cluster> {
  try {
    const { metadata } = await api.readNamespace({ name: NAMESPACE })
    if (metadata?.name === NAMESPACE && metadata.uid) return { id: metadata.uid, name }
  } catch (error) {
    throw unknown(error)
  }
  throw unknown(undefined)
}

function unknown(cause: unknown): Fault {
  return new Fault(
    'decision_unavailable',
    `Cannot tell which cluster this is: the API server did not answer with the namespace ${NAMESPACE}`,
    { cause },
  )
}
