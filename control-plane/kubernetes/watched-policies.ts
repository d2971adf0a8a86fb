import {
  CustomObjectsApi,
  type KubeConfig,
  type KubernetesObject,
  Watch,
} from '@kubernetes/client-node'
import type { UserInfo } from '../../core/kubernetes/user-info.ts'
import type { MaskProfile } from '../../core/masking/mask-profile.ts'
import { LANYARD_GROUP } from '../../core/names.ts'
import type { ParsedLimit } from '../../core/policy/access-limit.ts'
import { type ParsedPolicy, parseAccessPolicy } from '../../core/policy/parse-access-policy.ts'
import { namesMaskProfile } from '../../core/policy/parse-masks.ts'
import type { Logger } from '../../platform/logger.ts'
import { CommandParsers } from '../commands/command-parsers.ts'
import { KnownPolicies, type PoliciesOfUser } from './known-policies.ts'
import { type MaskProfilesOptions, watchMaskProfiles } from './mask-profiles.ts'
import { watchLimits } from './watch-limits.ts'
import { type WatchedCollection, watchCollection } from './watched-collection.ts'

/** AccessPolicies, the MaskProfiles that they name, and what stands over policies, kept up to date. */
export interface WatchedPolicies {
  policiesFor(user: UserInfo): PoliciesOfUser
  /** The MaskProfile of an id; undefined when there is none that says just that. */
  maskProfile(id: string): MaskProfile | undefined
  /** Why they are not known; undefined when they are. */
  problem(): string | undefined
  stop(): void
}

export interface WatchedPoliciesOptions {
  readonly config: KubeConfig
  readonly logger: Logger
  /** A policy, or what it names, changed: open streams may have lost their ground. */
  readonly onPolicyChange: () => void
  readonly onPolicy: (object: KubernetesObject, parsed: ParsedPolicy) => void
  readonly onMaskProfile: MaskProfilesOptions['onProfile']
  readonly onLimit: (object: KubernetesObject, parsed: ParsedLimit) => void
  /** `problem` may say something else than before. */
  readonly onSync: () => void
}

interface PolicyObject extends KubernetesObject {
  readonly spec?: unknown
}

const POLICIES = { group: LANYARD_GROUP, version: 'v1alpha1', plural: 'accesspolicies' }

/** Begins to watch them. Profiles that no policy names keep nothing from being decided. */
export function watchPolicies(options: WatchedPoliciesOptions): WatchedPolicies {
  const { config, logger, onSync } = options
  const known = new KnownPolicies()
  const parsers = new CommandParsers(logger)
  const custom = config.makeApiClient(CustomObjectsApi)
  const watch = new Watch(config)
  /** Whether a policy says what only MaskProfiles explain. */
  let namesProfile = false
  const profiles = watchMaskProfiles({
    ...{ config, logger, onSync, onProfile: options.onMaskProfile },
    onChange: parsePolicies,
  })
  const policies: WatchedCollection<PolicyObject> = watchCollection<PolicyObject>({
    name: POLICIES.plural,
    path: `/apis/${POLICIES.group}/${POLICIES.version}/${POLICIES.plural}`,
    watch,
    logger,
    onSync,
    list: async () => (await custom.listClusterCustomObject(POLICIES)) as { items: PolicyObject[] },
    onChange: parsePolicies,
  })

  function parsePolicies(): void {
    const objects = [...policies.items.values()]
    const before = namesProfile
    namesProfile = objects.some(namesMaskProfile)
    const parsed = objects.map((object) =>
      parseAccessPolicy(object, parsers.reader(), (name) => profiles.find(name)),
    )
    for (const [index, policy] of parsed.entries()) {
      const object = objects[index]
      if (object === undefined) continue
      // Before its profiles are known, nobody can say whether a policy is valid.
      if (namesMaskProfile(object) && profiles.problem() !== undefined) continue
      options.onPolicy(object, policy)
    }
    known.replace(parsed)
    options.onPolicyChange()
    if (namesProfile !== before) onSync()
    parsers.loadFor(objects, parsePolicies)
  }

  const limits = watchLimits(config, {
    ...{ logger, onSync, onLimit: options.onLimit },
    onChange(found) {
      known.replaceLimits(found)
      options.onPolicyChange()
    },
  })
  return {
    policiesFor: (user) => known.of(user),
    maskProfile: (id) => profiles.byId(id),
    problem() {
      const behind = [policies, ...limits].find((collection) => !collection.isSynced())
      if (behind !== undefined) return `${behind.name} are not in sync with kube-apiserver`
      return namesProfile ? profiles.problem() : undefined
    },
    stop() {
      for (const part of [policies, profiles, ...limits]) part.stop()
    },
  }
}
