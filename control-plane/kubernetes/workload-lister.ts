import {
  CustomObjectsApi,
  type KubeConfig,
  type KubernetesObject,
  Observable,
  type ObservableMiddleware,
} from '@kubernetes/client-node'
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

const KINDS = [...WORKLOAD_KINDS, KEPT_TEMPLATE]

/** The client for objects of any type knows no core group, whose paths begin in another way. */
const IN_CORE_GROUP = {
  middleware: [pathOfCoreGroup()],
  middlewareMergeStrategy: 'append' as const,
}

/**
 * Lists kind by kind, in pages, with the client for objects of any type: the client's own types drop the fields
 * that they do not know.
 */
export function createWorkloadLister(config: KubeConfig): WorkloadLister {
  const api = config.makeApiClient(CustomObjectsApi)
  return async function* listWorkloads(namespace) {
    for (const { group, version, kind, resource: plural } of KINDS) {
      let token: string | undefined
      do {
        const request = {
          ...{ group, version, plural, namespace, limit: PAGE },
          ...(token === undefined ? {} : { _continue: token }),
        }
        const options = group === '' ? IN_CORE_GROUP : {}
        const page = (await api.listNamespacedCustomObject(request, options)) as {
          readonly items: readonly (KubernetesObject & AnyWorkload)[]
          readonly metadata?: { readonly continue?: string }
        }
        for (const object of page.items) yield { group, kind, object }
        token = page.metadata?.continue || undefined
      } while (token !== undefined)
    }
  }
}

function pathOfCoreGroup(): ObservableMiddleware {
  return {
    pre(context) {
      context.setUrl(context.getUrl().replace('/apis//', '/api/'))
      return new Observable(Promise.resolve(context))
    },
    post: (context) => new Observable(Promise.resolve(context)),
  }
}
