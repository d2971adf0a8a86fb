import { CustomObjectsApi, type KubeConfig, type KubernetesObject } from '@kubernetes/client-node'
import { KEPT_TEMPLATE, WORKLOAD_KINDS } from '../../core/kubernetes/workload-kinds.ts'
import type { AnyWorkload } from '../../core/templates/code-of.ts'

/** An object that makes pods, or a template that is kept, as kube-apiserver writes it. */
export interface ListedWorkload {
  readonly group: string
  readonly kind: string
  readonly object: KubernetesObject & AnyWorkload
}

/** Every such object of a namespace. Throws what kube-apiserver's client throws. */
export type WorkloadLister = (namespace: string) => AsyncIterable<ListedWorkload>

/** Objects of one page, each of some kilobytes. */
const PAGE = 200

/**
 * Kinds that can be listed as they are written. The client's own types drop what they do not know, and the
 * core group has no untyped client, so ReplicationControllers are left out.
 */
const KINDS = [...WORKLOAD_KINDS, KEPT_TEMPLATE].filter(({ group }) => group !== '')

/** Lists kind by kind, in pages. */
export function createWorkloadLister(config: KubeConfig): WorkloadLister {
  const api = config.makeApiClient(CustomObjectsApi)
  return async function* listWorkloads(namespace) {
    for (const { group, version, kind, resource: plural } of KINDS) {
      let token: string | undefined
      do {
        const page = (await api.listNamespacedCustomObject({
          ...{ group, version, plural, namespace, limit: PAGE },
          ...(token === undefined ? {} : { _continue: token }),
        })) as {
          readonly items: readonly (KubernetesObject & AnyWorkload)[]
          readonly metadata?: { readonly continue?: string }
        }
        for (const object of page.items) yield { group, kind, object }
        token = page.metadata?.continue || undefined
      } while (token !== undefined)
    }
  }
}
