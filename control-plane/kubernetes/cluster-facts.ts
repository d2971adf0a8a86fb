import {
  CoreV1Api,
  CustomObjectsApi,
  type KubeConfig,
  type KubernetesObject,
  RbacAuthorizationV1Api,
  type V1Namespace,
  Watch,
} from '@kubernetes/client-node'
import type { UserInfo } from '../../core/kubernetes/user-info.ts'
import {
  EXEMPT_NAMESPACES,
  INJECTION_ENABLED,
  INJECTION_LABEL,
  LANYARD_GROUP,
  MODE_LABEL,
  MODE_OBSERVE,
} from '../../core/names.ts'
import { type ParsedPolicy, parseAccessPolicy } from '../../core/policy/parse-access-policy.ts'
import type { Logger } from '../../platform/logger.ts'
import { CommandParsers } from '../commands/command-parsers.ts'
import { KnownPolicies, type PoliciesOfUser } from './known-policies.ts'
import { objectKey, type WatchedCollection, watchCollection } from './watched-collection.ts'

/** What the cluster says about policies, namespaces and RBAC, kept up to date. */
export interface ClusterFacts {
  policiesFor(user: UserInfo): PoliciesOfUser
  /** Whether pods of a namespace get the sidecar. */
  isInjected(namespace: string): boolean
  /** Whether a namespace only observes. */
  isObserved(namespace: string): boolean
  /** Whether a change of RBAC would be seen. */
  isRbacSynced(): boolean
  /** What keeps decisions from being made; undefined when nothing does. */
  problem(): string | undefined
  stop(): void
}

export interface ClusterFactsOptions {
  readonly config: KubeConfig
  readonly logger: Logger
  readonly onRbacChange: () => void
  /** A policy or a namespace changed: open streams may have lost their ground. */
  readonly onPolicyChange: () => void
  /** Called with the namespaces that are opted in, when they are known and after each change. */
  readonly onNamespaces: (optedIn: ReadonlySet<string>) => void
  readonly onPolicy: (object: KubernetesObject, parsed: ParsedPolicy) => void
  /** `problem` or `isRbacSynced` may say something else than before. */
  readonly onSync?: () => void
}

interface PolicyObject extends KubernetesObject {
  readonly spec?: unknown
}

const POLICIES = { group: LANYARD_GROUP, version: 'v1alpha1', plural: 'accesspolicies' }

/**
 * Begins to watch policies, namespaces and RBAC; until the first two are known, `problem` says so.
 */
export function watchClusterFacts(options: ClusterFactsOptions): ClusterFacts {
  const { config, logger, onSync = () => {} } = options
  const watch = new Watch(config)
  const known = new KnownPolicies()
  const parsers = new CommandParsers(logger)
  const custom = config.makeApiClient(CustomObjectsApi)
  const policies: WatchedCollection<PolicyObject> = watchCollection<PolicyObject>({
    name: 'accesspolicies',
    path: `/apis/${POLICIES.group}/${POLICIES.version}/${POLICIES.plural}`,
    watch,
    logger,
    onSync,
    list: async () => (await custom.listClusterCustomObject(POLICIES)) as { items: PolicyObject[] },
    onChange: parsePolicies,
  })
  function parsePolicies(): void {
    const objects = [...(policies?.items.values() ?? [])]
    const parsed = objects.map((object) => parseAccessPolicy(object, parsers.reader()))
    for (const [index, policy] of parsed.entries()) {
      const object = objects[index]
      if (object !== undefined) options.onPolicy(object, policy)
    }
    known.replace(parsed)
    options.onPolicyChange()
    parsers.loadFor(objects, parsePolicies)
  }
  const core = config.makeApiClient(CoreV1Api)
  const namespaces: WatchedCollection<V1Namespace> = watchCollection<V1Namespace>({
    name: 'namespaces',
    path: '/api/v1/namespaces',
    watch,
    logger,
    onSync,
    list: () => core.listNamespace(),
    onChange() {
      const names = [...namespaces.items.values()].map(({ metadata }) => metadata?.name ?? '')
      options.onNamespaces(new Set(names.filter(isInjected)))
      options.onPolicyChange()
    },
  })
  const rbac = watchRbac(config, watch, { logger, onSync, onChange: options.onRbacChange })

  function labelsOf(namespace: string): Readonly<Record<string, string>> {
    return namespaces.items.get(objectKey(undefined, namespace))?.metadata?.labels ?? {}
  }

  function isInjected(namespace: string): boolean {
    if (EXEMPT_NAMESPACES.includes(namespace)) return false
    return labelsOf(namespace)[INJECTION_LABEL] === INJECTION_ENABLED
  }

  const isRbacSynced = () => rbac.every((collection) => collection.isSynced())
  return {
    policiesFor: (user) => known.of(user),
    isInjected,
    isObserved: (namespace) => labelsOf(namespace)[MODE_LABEL] === MODE_OBSERVE,
    isRbacSynced,
    problem() {
      const behind = [policies, namespaces].find((collection) => !collection.isSynced())
      return behind === undefined ? undefined : `${behind.name} are not in sync with kube-apiserver`
    },
    stop: () => {
      for (const collection of [policies, namespaces, ...rbac]) collection.stop()
    },
  }
}

/** All that RBAC decides by; any change of it makes every remembered answer old. */
function watchRbac(
  config: KubeConfig,
  watch: Watch,
  told: { readonly logger: Logger; readonly onSync: () => void; readonly onChange: () => void },
): readonly WatchedCollection<KubernetesObject>[] {
  const api = config.makeApiClient(RbacAuthorizationV1Api)
  const lists = {
    roles: () => api.listRoleForAllNamespaces(),
    rolebindings: () => api.listRoleBindingForAllNamespaces(),
    clusterroles: () => api.listClusterRole(),
    clusterrolebindings: () => api.listClusterRoleBinding(),
  }
  return Object.entries(lists).map(([name, list]) =>
    watchCollection<KubernetesObject>({
      name,
      path: `/apis/rbac.authorization.k8s.io/v1/${name}`,
      watch,
      list,
      ...told,
    }),
  )
}
