import type { KubeConfig, KubernetesObject } from '@kubernetes/client-node'
import type { MaskProfile } from '../../core/masking/mask-profile.ts'
import { type ParsedMaskProfile, parseMaskProfile } from '../../core/masking/parse-mask-profile.ts'
import type { Logger } from '../../platform/logger.ts'
import { watchOwnKind } from './watch-own-kind.ts'

/** The MaskProfiles of the cluster, kept up to date. */
export interface MaskProfiles {
  /** As it was read; undefined when there is none of this name. */
  find(name: string): ParsedMaskProfile | undefined
  /** By id, so that a profile that has changed since is not found. */
  byId(id: string): MaskProfile | undefined
  /** Why they are not known; undefined when they are, or when the cluster does not know the kind. */
  problem(): string | undefined
  stop(): void
}

export interface MaskProfilesOptions {
  readonly config: KubeConfig
  readonly logger: Logger
  /** Called after each change. */
  readonly onChange: () => void
  readonly onProfile: (object: KubernetesObject, parsed: ParsedMaskProfile) => void
  /** `problem` may say something else than before. */
  readonly onSync: () => void
}

interface ProfileObject extends KubernetesObject {
  readonly spec?: unknown
}

const PLURAL = 'maskprofiles'

/** Begins to watch them. */
export function watchMaskProfiles(options: MaskProfilesOptions): MaskProfiles {
  const { config, logger, onSync } = options
  let byName = new Map<string, ParsedMaskProfile>()
  let byId = new Map<string, MaskProfile>()

  function replace(objects: readonly ProfileObject[]): void {
    const parsed = objects.map((object) => [object, parseMaskProfile(object)] as const)
    byName = new Map(parsed.map(([{ metadata }, one]) => [metadata?.name ?? '', one]))
    byId = new Map(parsed.flatMap(([, one]) => (one.ok ? [[one.profile.id, one.profile]] : [])))
    options.onChange()
    for (const [object, one] of parsed) options.onProfile(object, one)
  }

  const collection = watchOwnKind({
    ...{ config, plural: PLURAL, logger, onSync },
    onChange: replace,
  })
  return {
    find: (name) => byName.get(name),
    byId: (id) => byId.get(id),
    problem: () =>
      collection.isSynced() ? undefined : `${PLURAL} are not in sync with kube-apiserver`,
    stop: () => collection.stop(),
  }
}
