import {
  CoreV1Api,
  KubeConfig,
  type KubernetesObject,
  type RequestContext,
  Watch,
} from '@kubernetes/client-node'
import type { Logger } from '../../platform/logger.ts'
import { objectKey, type WatchedCollectionTimes, watchCollection } from './watched-collection.ts'

/** Which pods run or are about to, as kube-apiserver tells. */
export interface LivingPods {
  /** Whether the pod with this name is this one, and has not ended, as far as it was told. */
  has(pod: { readonly namespace: string; readonly name: string; readonly podUid: string }): boolean
  /** False until the first list, and whenever the end of a pod could be missed. */
  isSynced(): boolean
  /** How many. */
  size(): number
  stop(): void
}

export interface LivingPodsOptions {
  readonly config: KubeConfig
  readonly logger: Logger
  /** A pod has ended or is gone. It may be told more than once. */
  readonly onGone: (podUid: string) => void
  /** Everything was listed: pods that are older than the list and not known now have ended. */
  readonly onListed: (listBeganAtMs: number) => void
  readonly now: () => number
}

/** Pods of one page of the list: a page is read in one go, and decisions wait for that. */
const PAGE = 200
/** A list of many pages takes its time, on a machine that others use as well. */
const TIMES: WatchedCollectionTimes = { openMsMax: 5_000, listMsMax: 180_000 }

/**
 * kube-apiserver selects by the phase, so that nothing of a pod but its metadata has to be sent: a pod whose
 * phase becomes one of these leaves the selection, as one that is deleted does. No pod comes back from them
 * (Kubernetes v1.34 pkg/kubelet/status/status_manager.go, mergePodStatus), and the kubelet ends a pod of
 * which the API says it (pkg/kubelet/pod_workers.go, UpdatePod).
 */
const NOT_ENDED = 'status.phase!=Succeeded,status.phase!=Failed'
const METADATA_ONLY = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1'
const LIST_METADATA_ONLY = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1'

/**
 * Begins to watch the pods of all namespaces that have not ended: one connection, however many namespaces
 * are opted in, and pods of a namespace that was opted out keep their chains. Kept of each are its name and
 * its UID.
 */
export function watchLivingPods(options: LivingPodsOptions): LivingPods {
  const { now, onGone, onListed } = options
  const core = accepting(options.config, LIST_METADATA_ONLY).makeApiClient(CoreV1Api)
  let listBeganAtMs = 0

  async function list() {
    listBeganAtMs = now()
    const items: KubernetesObject[] = []
    let token: string | undefined
    for (;;) {
      const page = await core.listPodForAllNamespaces({
        limit: PAGE,
        fieldSelector: NOT_ENDED,
        ...(token === undefined ? {} : { _continue: token }),
      })
      // An empty list of metadata has null for its items.
      items.push(...((page.items as typeof page.items | null) ?? []).map(slim))
      token = page.metadata?._continue
      if (!token) return { items, metadata: page.metadata ?? {} }
    }
  }

  function onChange(item?: KubernetesObject): void {
    if (item === undefined) {
      onListed(listBeganAtMs)
      return
    }
    const { namespace, name = '', uid = '' } = item.metadata ?? {}
    if (pods.items.get(objectKey(namespace, name))?.metadata?.uid !== uid) onGone(uid)
  }

  const pods = watchCollection<KubernetesObject>({
    name: 'pods',
    path: '/api/v1/pods',
    query: { fieldSelector: NOT_ENDED },
    watch: new Watch(accepting(options.config, METADATA_ONLY)),
    logger: options.logger,
    list,
    keep: slim,
    onChange,
    times: TIMES,
  })
  return {
    has: ({ namespace, name, podUid }) =>
      pods.items.get(objectKey(namespace, name))?.metadata?.uid === podUid,
    isSynced: () => pods.isSynced(),
    size: () => pods.items.size,
    stop: () => pods.stop(),
  }
}

/** The same configuration, by which every request asks for one media type alone. */
function accepting(config: KubeConfig, mediaType: string): KubeConfig {
  class Accepting extends KubeConfig {
    override async applySecurityAuthentication(context: RequestContext): Promise<void> {
      await super.applySecurityAuthentication(context)
      context.setHeaderParam('Accept', mediaType)
    }
  }
  const copy = new Accepting()
  copy.loadFromOptions({
    clusters: config.getClusters(),
    users: config.getUsers(),
    contexts: config.getContexts(),
    currentContext: config.getCurrentContext(),
  })
  return copy
}

function slim({ metadata = {} }: KubernetesObject): KubernetesObject {
  const { name = '', namespace = '', uid = '', resourceVersion } = metadata
  const kept = { name, namespace, uid }
  return { metadata: resourceVersion === undefined ? kept : { ...kept, resourceVersion } }
}
