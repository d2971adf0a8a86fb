import type { KubeConfig, KubernetesObject } from '@kubernetes/client-node'
import type { ParsedLimit } from '../../core/policy/access-limit.ts'
import { parseAccessCeiling, parseNarrowingPolicy } from '../../core/policy/parse-access-limit.ts'
import type { Logger } from '../../platform/logger.ts'
import { watchOwnKind } from './watch-own-kind.ts'
import type { WatchedCollection } from './watched-collection.ts'

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
  told: {
    readonly logger: Logger
    readonly onSync: () => void
    readonly onChange: (limits: readonly ParsedLimit[]) => void
    readonly onLimit: (object: KubernetesObject, parsed: ParsedLimit) => void
  },
): readonly WatchedCollection<KubernetesObject>[] {
  const { logger, onSync } = told
  const parsed = new Map<string, readonly ParsedLimit[]>()
  return KINDS.map(({ plural, parse }) =>
    watchOwnKind({
      ...{ config, plural, logger, onSync },
      onChange(objects) {
        const all = objects.map((object) => {
          const limit = parse(object)
          told.onLimit(object, limit)
          return limit
        })
        parsed.set(plural, all)
        told.onChange([...parsed.values()].flat())
      },
    }),
  )
}
