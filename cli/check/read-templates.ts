import { Fault } from '../../core/fault.ts'
import type { ObjectMeta, Pod, PodSpec } from '../../core/pods/pod.ts'
import type { KubernetesClient } from '../kubernetes-client.ts'
import type { ListOf } from './cluster-objects.ts'

/** What a namespace would make a pod of. */
export interface PodTemplate {
  /** As kubectl writes it, such as `deployment/web`. */
  readonly what: string
  readonly pod: Pod
  /** A pod that runs, not a template. */
  readonly runs: boolean
}

export interface PodTemplates {
  readonly templates: readonly PodTemplate[]
  /** Resources that this user may not list. */
  readonly unread: readonly string[]
}

interface Kind {
  readonly root: string
  readonly resource: string
  readonly name: string
}

const KINDS: readonly Kind[] = [
  { root: '/apis/apps/v1', resource: 'deployments', name: 'deployment' },
  { root: '/apis/apps/v1', resource: 'statefulsets', name: 'statefulset' },
  { root: '/apis/apps/v1', resource: 'daemonsets', name: 'daemonset' },
  { root: '/apis/apps/v1', resource: 'replicasets', name: 'replicaset' },
  { root: '/api/v1', resource: 'replicationcontrollers', name: 'replicationcontroller' },
  { root: '/apis/batch/v1', resource: 'cronjobs', name: 'cronjob' },
  { root: '/apis/batch/v1', resource: 'jobs', name: 'job' },
  { root: '/api/v1', resource: 'pods', name: 'pod' },
]

/** Whose objects are looked at themselves; a node's are what its files say. */
const LOOKED_AT = [
  ...['apps/Deployment', 'apps/StatefulSet', 'apps/DaemonSet', 'apps/ReplicaSet'],
  ...['batch/CronJob', 'batch/Job', '/ReplicationController', '/Node'],
]

interface Template {
  readonly metadata?: ObjectMeta
  readonly spec: PodSpec
}

interface Workload {
  readonly metadata: ObjectMeta
  readonly spec: {
    readonly template?: Template
    readonly jobTemplate?: { readonly spec: { readonly template: Template } }
  }
  readonly status?: { readonly phase?: string; readonly conditions?: readonly Condition[] }
}

interface Condition {
  readonly type: string
  readonly status: string
}

/**
 * Every pod template of a namespace, and every pod that nothing built in made: an operator's too. What
 * has finished is left out. Throws what reading throws, but for resources that the user may not list.
 */
export async function readTemplates(
  client: Pick<KubernetesClient, 'get'>,
  namespace: string,
): Promise<PodTemplates> {
  const read = await Promise.all(KINDS.map((kind) => readKind(client, kind, namespace)))
  return {
    templates: read.flatMap((one) => one ?? []),
    unread: KINDS.filter((_kind, index) => read[index] === undefined).map(
      ({ resource }) => resource,
    ),
  }
}

async function readKind(
  client: Pick<KubernetesClient, 'get'>,
  { root, resource, name }: Kind,
  namespace: string,
): Promise<readonly PodTemplate[] | undefined> {
  const path = `${root}/namespaces/${encodeURIComponent(namespace)}/${resource}`
  try {
    const { items } = await client.get<ListOf<Workload>>(path)
    const own = items.filter((item) => !isFinished(item) && !isMadeByBuiltIn(item.metadata))
    return own.map((item) => toTemplate(name, item))
  } catch (error) {
    // Recorded: the report names what could not be read.
    if (Fault.from(error).code === 'permission_denied') return undefined
    throw error
  }
}

function isFinished({ status }: Workload): boolean {
  const done = (status?.conditions ?? []).some(
    (one) => ['Complete', 'Failed'].includes(one.type) && one.status === 'True',
  )
  return done || ['Succeeded', 'Failed'].includes(status?.phase ?? '')
}

function isMadeByBuiltIn({ ownerReferences = [] }: ObjectMeta): boolean {
  const owner = ownerReferences.find(({ controller }) => controller === true)
  if (owner === undefined) return false
  const version = owner.apiVersion ?? ''
  const group = version.includes('/') ? version.split('/')[0] : ''
  return LOOKED_AT.includes(`${group}/${owner.kind}`)
}

function toTemplate(kind: string, { metadata, spec }: Workload): PodTemplate {
  const what = `${kind}/${metadata.name ?? ''}`
  const template = spec.template ?? spec.jobTemplate?.spec.template
  if (template !== undefined) {
    return { what, runs: false, pod: { metadata: template.metadata ?? {}, spec: template.spec } }
  }
  // When it is made again it begins without what people attached to it.
  const { ephemeralContainers: _attached, ...made } = spec as PodSpec
  return { what, runs: true, pod: { metadata, spec: made } }
}
