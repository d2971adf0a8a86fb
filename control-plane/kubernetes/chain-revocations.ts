import {
  CustomObjectsApi,
  type KubeConfig,
  type KubernetesObject,
  Watch,
} from '@kubernetes/client-node'
import { Fault } from '../../core/fault.ts'
import { LANYARD_GROUP } from '../../core/names.ts'
import { type ChainRevocation, parseChainRevocation } from '../../core/policy/chain-revocation.ts'
import type { Logger } from '../../platform/logger.ts'
import { type WatchedCollection, watchCollection } from './watched-collection.ts'

/** The ChainRevocations of the cluster, kept up to date. */
export interface ChainRevocations {
  /** Those of one principal, by its user name. */
  of(username: string): readonly ChainRevocation[]
  /** Why they are not known; undefined when they are. */
  problem(): string | undefined
  stop(): void
}

interface RevocationObject extends KubernetesObject {
  readonly spec?: unknown
}

const KIND = { group: LANYARD_GROUP, version: 'v1alpha1', plural: 'chainrevocations' }
const NONE: readonly ChainRevocation[] = []

/** Begins to watch them. One that cannot be read is a problem, and so nothing is decided. */
export function watchChainRevocations(options: {
  readonly config: KubeConfig
  readonly logger: Logger
  readonly onChange: () => void
  /** `problem` may say something else than before. */
  readonly onSync: () => void
}): ChainRevocations {
  const { config, logger, onSync } = options
  const custom = config.makeApiClient(CustomObjectsApi)
  let byUsername = new Map<string, ChainRevocation[]>()
  let unreadable: string | undefined

  function refresh(): void {
    const found = new Map<string, ChainRevocation[]>()
    unreadable = undefined
    for (const object of collection.items.values()) {
      try {
        const revocation = parseChainRevocation(object)
        found.set(revocation.username, [...(found.get(revocation.username) ?? []), revocation])
      } catch (error) {
        // Recorded: it is told by whatever is not decided for it.
        unreadable = Fault.from(error).message
      }
    }
    byUsername = found
    options.onChange()
    onSync()
  }

  const collection: WatchedCollection<RevocationObject> = watchCollection<RevocationObject>({
    name: 'chainrevocations',
    path: `/apis/${KIND.group}/${KIND.version}/${KIND.plural}`,
    watch: new Watch(config),
    logger,
    list: async () => (await custom.listClusterCustomObject(KIND)) as { items: RevocationObject[] },
    onChange: refresh,
    onSync,
  })
  return {
    of: (username) => byUsername.get(username) ?? NONE,
    problem: () =>
      collection.isSynced() ? unreadable : 'chainrevocations are not in sync with kube-apiserver',
    stop: () => collection.stop(),
  }
}
