/** A built-in kind whose objects make pods by a controller of kube-controller-manager. */
export interface WorkloadKind {
  /** API group; the core group is ''. */
  readonly group: string
  /** The version by which it is read and on record. */
  readonly version: string
  readonly kind: string
  /** As its API calls it, such as `deployments`. */
  readonly resource: string
  /** Fields of `spec` that lead to its pod template, the outermost first. */
  readonly templatePath: readonly string[]
  /** Service account, in kube-system, of the controller that makes objects for it. */
  readonly controller: string
  /** What that controller makes for it. */
  readonly makes: 'pods' | 'replicasets' | 'jobs'
}

const TEMPLATE = ['template']

/**
 * Every built-in kind that makes pods, in the order in which people are shown them. Sources: Kubernetes
 * v1.34 cmd/kube-controller-manager/names (controllers), staging/src/k8s.io/api/apps/v1, batch/v1 and
 * core/v1 (templates). Keep in step with the chart's webhooks.
 */
export const WORKLOAD_KINDS = [
  {
    ...{ group: 'apps', version: 'v1', kind: 'Deployment', resource: 'deployments' },
    ...{ templatePath: TEMPLATE, controller: 'deployment-controller', makes: 'replicasets' },
  },
  {
    ...{ group: 'apps', version: 'v1', kind: 'ReplicaSet', resource: 'replicasets' },
    ...{ templatePath: TEMPLATE, controller: 'replicaset-controller', makes: 'pods' },
  },
  {
    ...{ group: 'apps', version: 'v1', kind: 'StatefulSet', resource: 'statefulsets' },
    ...{ templatePath: TEMPLATE, controller: 'statefulset-controller', makes: 'pods' },
  },
  {
    ...{ group: 'apps', version: 'v1', kind: 'DaemonSet', resource: 'daemonsets' },
    ...{ templatePath: TEMPLATE, controller: 'daemon-set-controller', makes: 'pods' },
  },
  {
    ...{ group: 'batch', version: 'v1', kind: 'Job', resource: 'jobs' },
    ...{ templatePath: TEMPLATE, controller: 'job-controller', makes: 'pods' },
  },
  {
    ...{ group: 'batch', version: 'v1', kind: 'CronJob', resource: 'cronjobs' },
    ...{ templatePath: ['jobTemplate', 'spec', 'template'], controller: 'cronjob-controller' },
    makes: 'jobs',
  },
  {
    ...{ group: '', version: 'v1', kind: 'ReplicationController' },
    ...{ resource: 'replicationcontrollers', templatePath: TEMPLATE },
    ...{ controller: 'replication-controller', makes: 'pods' },
  },
] as const satisfies readonly WorkloadKind[]

/** Templates that StatefulSets and DaemonSets keep; it makes no pods by itself. */
export const KEPT_TEMPLATE = {
  ...{ group: 'apps', version: 'v1', kind: 'ControllerRevision', resource: 'controllerrevisions' },
} as const

/** Group and kind in one, such as `apps/Deployment`; the core group gives `/ReplicationController`. */
export function typeOf({ group, kind }: Pick<WorkloadKind, 'group' | 'kind'>): string {
  return `${group}/${kind}`
}

/** As objects and owner references write it, such as `apps/v1`; `v1` for the core group. */
export function apiVersionOf({ group, version }: Pick<WorkloadKind, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`
}

/** Group of an apiVersion; '' for the core group. */
export function groupOf(apiVersion: string): string {
  return apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : ''
}

/** Where the API server serves a kind, such as `/apis/apps/v1`. */
export function apiRootOf({ group, version }: Pick<WorkloadKind, 'group' | 'version'>): string {
  return group === '' ? `/api/${version}` : `/apis/${group}/${version}`
}

/** What lies at a path of fields; undefined where something on the way is no object. */
export function valueAt(object: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, field) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, field)
        ? (value as Readonly<Record<string, unknown>>)[field]
        : undefined,
    object,
  )
}
