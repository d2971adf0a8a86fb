import {
  CustomObjectsApi,
  type KubeConfig,
  type KubernetesObject,
  type Watch,
} from '@kubernetes/client-node'
import { LANYARD_GROUP } from '../../core/names.ts'
import type { ParsedLimit } from '../../core/policy/access-limit.ts'
import { parseAccessCeiling, parseNarrowingPolicy } from '../../core/policy/parse-access-limit.ts'
import type { Logger } from '../../platform/logger.ts'
import { type WatchedCollection, watchCollection } from './watched-collection.ts'

const KINDS = [
  { plural: 'accessceilings', parse: parseAccessCeiling },
  { plural: 'narrowingpolicies', parse: parseNarrowingPolicy },
]

/**
 * Begins to watch AccessCeilings and NarrowingPolicies. `onChange` gets all of both kinds after each change, and
 * `onLimit` each object with what became of it.
 */
export function watchLimits(
  config: KubeConfig,
  watch: Watch,
  told: {
    readonly logger: Logger
    readonly onSync: () => void
    readonly onChange: (limits: readonly ParsedLimit[]) => void
    readonly onLimit: (object: KubernetesObject, parsed: ParsedLimit) => void
  },
): readonly WatchedCollection<KubernetesObject>[] {
  const { logger, onSync } = told
  const custom = config.makeApiClient(CustomObjectsApi)
  const parsed = new Map<string, readonly ParsedLimit[]>()
  return KINDS.map(({ plural, parse }) => {
    const kind = { group: LANYARD_GROUP, version: 'v1alpha1', plural }
    const collection: WatchedCollection<KubernetesObject> = watchCollection<KubernetesObject>({
      name: plural,
      path: `/apis/${kind.group}/${kind.version}/${plural}`,
      watch,
      logger,
      onSync,
      // Of a namespaced kind it lists those of all namespaces.
      list: async () =>
        (await custom.listClusterCustomObject(kind)) as { items: KubernetesObject[] },
      onChange() {
        const all = [...collection.items.values()].map((object) => {
          const limit = parse(object)
          told.onLimit(object, limit)
          return limit
        })
        parsed.set(plural, all)
        told.onChange([...parsed.values()].flat())
      },
    })
    return collection
  })
}
