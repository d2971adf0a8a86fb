/** Resource of the objects by which somebody takes a closed chain upon themselves. */
export const CHAIN_RESETS = 'chainresets'

/** Which object a reset is for, as its author has seen it. */
export interface ChainResetTarget {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly uid: string
  /** metadata.generation: what was changed later was not looked at. */
  readonly generation: number
}

/** What makes pods, by the version of which it is on record, with the resource by which it is read. */
export const CHAIN_RESET_KINDS = [
  { apiVersion: 'apps/v1', kind: 'Deployment', resource: 'deployments' },
  { apiVersion: 'apps/v1', kind: 'ReplicaSet', resource: 'replicasets' },
  { apiVersion: 'apps/v1', kind: 'StatefulSet', resource: 'statefulsets' },
  { apiVersion: 'apps/v1', kind: 'DaemonSet', resource: 'daemonsets' },
  { apiVersion: 'batch/v1', kind: 'Job', resource: 'jobs' },
  { apiVersion: 'batch/v1', kind: 'CronJob', resource: 'cronjobs' },
  { apiVersion: 'v1', kind: 'ReplicationController', resource: 'replicationcontrollers' },
] as const
