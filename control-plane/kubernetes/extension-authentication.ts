import type { CoreV1Api } from '@kubernetes/client-node'
import { EXTENSION_AUTHENTICATION } from '../../platform/request-header-config.ts'

/** Reads how the front proxy speaks for others; an absent ConfigMap is empty. Throws what the client throws. */
export function readExtensionAuthentication(
  api: Pick<CoreV1Api, 'readNamespacedConfigMap'>,
): () => Promise<Readonly<Record<string, string>>> {
  return async function read() {
    const configMap = await api.readNamespacedConfigMap(EXTENSION_AUTHENTICATION)
    return configMap.data ?? {}
  }
}
