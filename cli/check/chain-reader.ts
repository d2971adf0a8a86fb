import { listChains } from '../../api/client/access-client.ts'
import type { KubernetesClient } from '../../api/client/kubernetes-client.ts'
import type { ChainObject } from '../../api/objects/access-objects.ts'

/** Every chain of a namespace. Throws what the API says. */
export type ChainReader = (namespace: string) => Promise<readonly ChainObject[]>

/** Reads the chains of a namespace once, page by page, however many checks ask for them. */
export function createChainReader(client: KubernetesClient): ChainReader {
  const read = new Map<string, Promise<readonly ChainObject[]>>()
  return function readChains(namespace) {
    const known = read.get(namespace)
    if (known !== undefined) return known
    const reading = listChains(client, namespace, {})
    read.set(namespace, reading)
    return reading
  }
}
