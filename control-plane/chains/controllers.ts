import type { UserInfo } from '../../core/kubernetes/user-info.ts'

/** The owner reference with `controller: true` of an object that is being admitted. */
export interface ControllerReference {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly uid: string
}

/**
 * Built-in controllers by the name of their service account in kube-system, each with the one kind
 * that it makes objects for. Source: Kubernetes cmd/kube-controller-manager/names (v1.34), as they
 * appear at admission under --use-service-account-credentials.
 */
const CONTROLLERS: Readonly<Record<string, { readonly group: string; readonly kind: string }>> = {
  'replicaset-controller': { group: 'apps', kind: 'ReplicaSet' },
  'deployment-controller': { group: 'apps', kind: 'Deployment' },
  'statefulset-controller': { group: 'apps', kind: 'StatefulSet' },
  'daemon-set-controller': { group: 'apps', kind: 'DaemonSet' },
  'job-controller': { group: 'batch', kind: 'Job' },
  'cronjob-controller': { group: 'batch', kind: 'CronJob' },
  'replication-controller': { group: '', kind: 'ReplicationController' },
}

const PREFIX = 'system:serviceaccount:kube-system:'

/**
 * Who all controllers are without that flag. Source: Kubernetes plugin/pkg/auth/authorizer/rbac/
 * bootstrappolicy/policy.go (v1.34), which binds the role of the same name to it.
 */
const CONTROLLER_MANAGER = 'system:kube-controller-manager'

/** Whether a user is the registered controller for this very owner's kind. */
export function isControllerOf(user: UserInfo, owner: ControllerReference): boolean {
  const makes = (controller: { readonly group: string; readonly kind: string } | undefined) =>
    controller?.kind === owner.kind && controller.group === groupOf(owner.apiVersion)
  if (isControllerManager(user)) return Object.values(CONTROLLERS).some(makes)
  if (!user.username.startsWith(PREFIX)) return false
  const name = user.username.slice(PREFIX.length)
  return Object.hasOwn(CONTROLLERS, name) && makes(CONTROLLERS[name])
}

/** Whether a user is all the built-in controllers at once: it acts for others only, never for itself. */
export function isControllerManager({ username }: UserInfo): boolean {
  return username === CONTROLLER_MANAGER
}

/** `apps/v1` → `apps`; `v1` → the core group, which has no name. */
export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/')
  return slash < 0 ? '' : apiVersion.slice(0, slash)
}
