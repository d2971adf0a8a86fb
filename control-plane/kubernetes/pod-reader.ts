import { ApiException, type CoreV1Api } from '@kubernetes/client-node'
import { Fault } from '../../core/fault.ts'

/**
 * UID of the pod that has a name just now; undefined when none has. Throws `decision_unavailable`
 * without an answer.
 */
export type PodReader = (namespace: string, name: string) => Promise<string | undefined>

/** Asks kube-apiserver each time: names are used again, and what was admitted need not be there. */
export function createPodReader(api: Pick<CoreV1Api, 'readNamespacedPod'>): PodReader {
  return async function readPodUid(namespace, name) {
    if (namespace === '' || name === '') return undefined
    try {
      const { metadata } = await api.readNamespacedPod({ namespace, name })
      // An answer about anything else is none.
      return metadata?.name === name && metadata.namespace === namespace ? metadata.uid : undefined
    } catch (error) {
      if (error instanceof ApiException && error.code === 404) return undefined
      throw new Fault(
        'decision_unavailable',
        'Cannot decide: kube-apiserver did not say which pod has this name',
        {
          cause: error,
        },
      )
    }
  }
}
