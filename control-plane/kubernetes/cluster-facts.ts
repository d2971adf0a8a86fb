import {
  CoreV1Api,
  type KubeConfig,
  type KubernetesObject,
  RbacAuthorizationV1Api,
  type V1Namespace,
  Watch,
} from '@kubernetes/client-node'
import {
  EXEMPT_NAMESPACES,
  INJECTION_ENABLED,
  INJECTION_LABEL,
  MODE_LABEL,
  MODE_OBSERVE,
} from '../../core/names.ts'
import type { Logger } from '../../platform/logger.ts'
import { objectKey, type WatchedCollection, watchCollection } from './watched-collection.ts'
import {
  type WatchedPolicies,
  type WatchedPoliciesOptions,
  watchPolicies,
} from './watched-policies.ts'

/** What the cluster says about policies, their masks, namespaces and RBAC, kept up to date. */
export interface ClusterFacts extends Omit<WatchedPolicies, 'problem' | 'stop'> {
  /** Whether pods of a namespace get the sidecar. */
  isInjected(namespace: string): boolean
  /** Whether a namespace only observes. */
  isObserved(namespace: string): boolean
  /** Undefined for a namespace that is not known. */
  namespaceLabels(namespace: string): Readonly<Record<string, string>> | undefined
  /** Whether a change of RBAC would be seen. */
  isRbacSynced(): boolean
  /** What keeps decisions from being made; undefined when nothing does. */
  problem(): string | undefined
  stop(): void
}

export interface ClusterFactsOptions extends Omit<WatchedPoliciesOptions, 'onSync'> {
  readonly onRbacChange: () => void
  /** Called with the namespaces that are opted in, when they are known and after each change. */
  readonly onNamespaces: (optedIn: ReadonlySet<string>) => void
  /** `problem` or `isRbacSynced` may say something else than before. */
  readonly onSync?: () => void
}

/**
 * Begins to watch policies, MaskProfiles, namespaces and RBAC; until policies and namespaces are known, and the profiles
 * that a policy names, `problem` says so.
 */
export function watchClusterFacts(options: ClusterFactsOptions): ClusterFacts {
  const { config, logger, onSync = () => {} } = options
  const watch = new Watch(config)
  const policies = watchPolicies({ ...options, onSync })
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

  function namespaceLabels(namespace: string): Readonly<Record<string, string>> | undefined {
    const known = namespaces.items.get(objectKey(undefined, namespace))
    return known === undefined ? undefined : (known.metadata?.labels ?? {})
  }

  function isInjected(namespace: string): boolean {
    if (EXEMPT_NAMESPACES.includes(namespace)) return false
    return namespaceLabels(namespace)?.[INJECTION_LABEL] === INJECTION_ENABLED
  }

  const isRbacSynced = () => rbac.every((collection) => collection.isSynced())
  return {
    policiesFor: policies.policiesFor,
    maskProfile: policies.maskProfile,
    isInjected,
    isObserved: (namespace) => namespaceLabels(namespace)?.[MODE_LABEL] === MODE_OBSERVE,
    namespaceLabels,
    isRbacSynced,
    problem() {
      if (!namespaces.isSynced()) return `${namespaces.name} are not in sync with kube-apiserver`
      return policies.problem()
    },
    stop: () => {
      for (const part of [policies, namespaces, ...rbac]) part.stop()
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
