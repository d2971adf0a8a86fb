import { WORKLOAD_KINDS } from './workload-kinds.ts'

/** A kind that a built-in controller makes objects for. */
type MadeFor = Readonly<Record<'group' | 'kind', string>>

/**
 * Built-in controllers that make objects, by the name of their service account in kube-system, each
 * with the one kind that it makes objects for. Source: Kubernetes cmd/kube-controller-manager/names
 * (v1.34), as they appear at admission under --use-service-account-credentials.
 */
export const OBJECT_MAKERS: Readonly<Record<string, MadeFor>> = Object.fromEntries(
  WORKLOAD_KINDS.map(({ controller, group, kind }) => [controller, { group, kind }]),
)

/**
 * Those that write workloads besides, without choosing what runs: owners that are gone are taken away,
 * replicas are set, namespaces and finished Jobs cleared. Source: Kubernetes plugin/pkg/auth/authorizer/
 * rbac/bootstrappolicy/controller_policy.go (v1.34).
 */
const CARETAKERS: readonly string[] = [
  'disruption-controller',
  'generic-garbage-collector',
  'horizontal-pod-autoscaler',
  'namespace-controller',
  'node-controller',
  'pod-garbage-collector',
  'ttl-after-finished-controller',
]

const PREFIX = 'system:serviceaccount:kube-system:'

/**
 * Who all controllers are without that flag. Source: Kubernetes plugin/pkg/auth/authorizer/rbac/
 * bootstrappolicy/policy.go (v1.34), which binds the role of the same name to it.
 */
export const CONTROLLER_MANAGER = 'system:kube-controller-manager'

/** Every user name of a built-in controller that writes workloads; the chart's webhooks name them too. */
export const BUILT_IN_CONTROLLERS: readonly string[] = [
  CONTROLLER_MANAGER,
  ...[...Object.keys(OBJECT_MAKERS), ...CARETAKERS].map((name) => `${PREFIX}${name}`),
]

const known = new Set(BUILT_IN_CONTROLLERS)

/** Whether a user is a controller of the cluster: it acts for others, and never answers for a template. */
export function isBuiltInController({ username }: { readonly username: string }): boolean {
  return known.has(username)
}

/** For which kind of owner a user makes objects by its own account; undefined for whoever is none. */
export function madeFor(username: string): MadeFor | undefined {
  if (!username.startsWith(PREFIX)) return undefined
  const name = username.slice(PREFIX.length)
  return Object.hasOwn(OBJECT_MAKERS, name) ? OBJECT_MAKERS[name] : undefined
}
