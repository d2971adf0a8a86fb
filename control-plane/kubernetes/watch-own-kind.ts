import { setTimeout as sleep } from 'node:timers/promises'
import {
  ApiException,
  CustomObjectsApi,
  type KubeConfig,
  type KubernetesObject,
  Watch,
} from '@kubernetes/client-node'
import { LANYARD_GROUP } from '../../core/names.ts'
import type { Logger } from '../../platform/logger.ts'
import { type WatchedCollection, watchCollection } from './watched-collection.ts'

/** Helm adds no definition on an upgrade: until somebody does, there is nothing to hear. */
const MISSING_RETRY_MS = 5_000

export interface OwnKindOptions {
  readonly config: KubeConfig
  readonly plural: string
  readonly logger: Logger
  /** All objects, after each change of one. */
  readonly onChange: (objects: readonly KubernetesObject[]) => void
  readonly onSync: () => void
}

/**
 * Begins to watch all objects of a kind of Lanyard. Of a kind that kube-apiserver does not know there are none, which is in
 * sync; kube-apiserver answers 503, not 404, as long as it does not know its kinds.
 */
export function watchOwnKind(options: OwnKindOptions): WatchedCollection<KubernetesObject> {
  const { config, plural, logger, onChange, onSync } = options
  const kind = { group: LANYARD_GROUP, version: 'v1alpha1', plural }
  const custom = config.makeApiClient(CustomObjectsApi)
  let isMissing = false
  let isStopped = false

  function note(missing: boolean): void {
    if (missing === isMissing || isStopped) return
    isMissing = missing
    if (missing) onChange([])
    onSync()
  }

  // Of a namespaced kind too, those of all namespaces.
  async function list(): Promise<{ items: KubernetesObject[] }> {
    try {
      const found = await custom.listClusterCustomObject(kind)
      isMissing = false
      return found as { items: KubernetesObject[] }
    } catch (error) {
      note(error instanceof ApiException && error.code === 404)
      if (!isMissing) throw error
      await sleep(MISSING_RETRY_MS, undefined, { ref: false })
      const text = `kube-apiserver knows no ${plural}; apply deploy/chart/crds`
      throw new Error(text, { cause: error })
    }
  }

  const collection: WatchedCollection<KubernetesObject> = watchCollection<KubernetesObject>({
    ...{ name: plural, path: `/apis/${LANYARD_GROUP}/${kind.version}/${plural}` },
    ...{ watch: new Watch(config), logger, list, onSync },
    onChange: () => onChange([...collection.items.values()]),
  })
  return {
    ...{ name: collection.name, items: collection.items },
    isSynced: () => collection.isSynced() || isMissing,
    stop() {
      isStopped = true
      collection.stop()
    },
  }
}
