import { setTimeout as sleep } from 'node:timers/promises'
import {
  ApiException,
  CustomObjectsApi,
  type KubeConfig,
  type KubernetesObject,
  Watch,
} from '@kubernetes/client-node'
import type { MaskProfile } from '../../core/masking/mask-profile.ts'
import { type ParsedMaskProfile, parseMaskProfile } from '../../core/masking/parse-mask-profile.ts'
import { LANYARD_GROUP } from '../../core/names.ts'
import type { Logger } from '../../platform/logger.ts'
import { type WatchedCollection, watchCollection } from './watched-collection.ts'

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

const KIND = { group: LANYARD_GROUP, version: 'v1alpha1', plural: 'maskprofiles' }
/** Helm adds no definition on an upgrade: until somebody does, there is nothing to hear. */
const MISSING_RETRY_MS = 5_000

/** Begins to watch them. */
export function watchMaskProfiles(options: MaskProfilesOptions): MaskProfiles {
  const { config, logger, onSync } = options
  const custom = config.makeApiClient(CustomObjectsApi)
  let byName = new Map<string, ParsedMaskProfile>()
  let byId = new Map<string, MaskProfile>()
  let isMissing = false

  function replace(objects: readonly ProfileObject[]): void {
    const parsed = objects.map((object) => [object, parseMaskProfile(object)] as const)
    byName = new Map(parsed.map(([{ metadata }, one]) => [metadata?.name ?? '', one]))
    byId = new Map(parsed.flatMap(([, one]) => (one.ok ? [[one.profile.id, one.profile]] : [])))
    options.onChange()
    for (const [object, one] of parsed) options.onProfile(object, one)
  }

  async function list(): Promise<{ items: ProfileObject[] }> {
    try {
      const found = (await custom.listClusterCustomObject(KIND)) as { items: ProfileObject[] }
      isMissing = false
      return found
    } catch (error) {
      if (!(error instanceof ApiException) || error.code !== 404) throw error
      if (!isMissing) {
        isMissing = true
        replace([])
        onSync()
      }
      await sleep(MISSING_RETRY_MS, undefined, { ref: false })
      throw new Error('kube-apiserver knows no MaskProfiles; apply deploy/chart/crds', {
        cause: error,
      })
    }
  }

  const collection: WatchedCollection<ProfileObject> = watchCollection<ProfileObject>({
    name: KIND.plural,
    path: `/apis/${KIND.group}/${KIND.version}/${KIND.plural}`,
    watch: new Watch(config),
    logger,
    list,
    onChange: () => replace([...collection.items.values()]),
    onSync,
  })
  return {
    find: (name) => byName.get(name),
    byId: (id) => byId.get(id),
    problem: () =>
      collection.isSynced() || isMissing
        ? undefined
        : 'maskprofiles are not in sync with kube-apiserver',
    stop: () => collection.stop(),
  }
}
