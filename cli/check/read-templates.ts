import type { KubernetesClient } from '../../api/client/kubernetes-client.ts'
import { Fault } from '../../core/fault.ts'
import {
  apiRootOf,
  groupOf,
  typeOf,
  valueAt,
  WORKLOAD_KINDS,
  type WorkloadKind,
} from '../../core/kubernetes/workload-kinds.ts'
import type { ObjectMeta, Pod, PodSpec } from '../../core/pods/pod.ts'
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

/** What is read: objects that make pods, and pods that nothing built in made. */
const KINDS: readonly Pick<WorkloadKind, 'group' | 'version' | 'kind' | 'resource'>[] = [
  ...WORKLOAD_KINDS,
  { group: '', version: 'v1', kind: 'Pod', resource: 'pods' },
]

/** Whose objects are looked at themselves; a node's are what its files say. */
const LOOKED_AT = [...WORKLOAD_KINDS.map(typeOf), '/Node']

interface TemplateBody {
  readonly metadata?: ObjectMeta
  readonly spec: PodSpec
}

interface TemplateObject {
  readonly metadata: ObjectMeta
  readonly spec: unknown
  readonly status?: { readonly phase?: string; readonly conditions?: readonly WorkloadCondition[] }
}

interface WorkloadCondition {
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
  kind: (typeof KINDS)[number],
  namespace: string,
): Promise<readonly PodTemplate[] | undefined> {
  const path = `${apiRootOf(kind)}/namespaces/${encodeURIComponent(namespace)}/${kind.resource}`
  try {
    const { items } = await client.get<ListOf<TemplateObject>>(path)
    const own = items.filter((item) => !isFinished(item) && !isMadeByBuiltIn(item.metadata))
    return own.map((item) => toTemplate(kind.kind, item))
  } catch (error) {
    // Recorded: the report names what could not be read.
    if (Fault.from(error).code === 'permission_denied') return undefined
    throw error
  }
}

function isFinished({ status }: TemplateObject): boolean {
  const done = (status?.conditions ?? []).some(
    (one) => ['Complete', 'Failed'].includes(one.type) && one.status === 'True',
  )
  return done || ['Succeeded', 'Failed'].includes(status?.phase ?? '')
}

function isMadeByBuiltIn({ ownerReferences = [] }: ObjectMeta): boolean {
  const owner = ownerReferences.find(({ controller }) => controller === true)
  if (owner === undefined) return false
  return LOOKED_AT.includes(typeOf({ group: groupOf(owner.apiVersion ?? ''), kind: owner.kind }))
}

function toTemplate(kind: string, { metadata, spec }: TemplateObject): PodTemplate {
  const what = `${kind.toLowerCase()}/${metadata.name ?? ''}`
  const path = WORKLOAD_KINDS.find((one) => one.kind === kind)?.templatePath
  const template = path && (valueAt(spec, path) as TemplateBody | undefined)
  if (template !== undefined) {
    return { what, runs: false, pod: { metadata: template.metadata ?? {}, spec: template.spec } }
  }
  // When it is made again it begins without what people attached to it.
  const { ephemeralContainers: _attached, ...made } = spec as PodSpec
  return { what, runs: true, pod: { metadata, spec: made } }
}
