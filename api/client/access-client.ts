import { ACCESS_GROUP, ACCESS_VERSION } from '../../core/names.ts'
import type { AuditEventObject, ChainObject } from '../objects/access-objects.ts'
import type { KubernetesClient, Query } from './kubernetes-client.ts'

/** A list object, as Kubernetes sends it. */
export interface ObjectList<Item> {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string }
  readonly items: readonly Item[]
}

/** Where to look: one namespace, or undefined for all. */
export type Scope = string | undefined

/** Fields and the values they must have; undefined ones do not matter. */
export type FieldValues = Readonly<Record<string, string | undefined>>

const ROOT = `/apis/${ACCESS_GROUP}/${ACCESS_VERSION}`

/** Path of a resource, or of one object. */
export function accessPath(resource: string, scope: Scope, name?: string): string {
  const place = scope === undefined ? '' : `/namespaces/${encodeURIComponent(scope)}`
  const object = name === undefined ? '' : `/${encodeURIComponent(name)}`
  return `${ROOT}${place}/${resource}${object}`
}

/** `a=1,b=2`, with what the syntax needs escaped; undefined when nothing is selected. */
export function fieldSelector(values: FieldValues): string | undefined {
  const terms = Object.entries(values).flatMap(([field, value]) =>
    value === undefined ? [] : [`${field}=${value.replaceAll(/[\\,=]/g, '\\$&')}`],
  )
  return terms.length === 0 ? undefined : terms.join(',')
}

/** The chain of one pod. Throws `not_found` when none is on record. */
export async function getChain(
  client: KubernetesClient,
  namespace: string,
  pod: string,
): Promise<ChainObject> {
  return client.get(accessPath('chains', namespace, pod))
}

/** Every page of a list. */
export async function listChains(
  client: KubernetesClient,
  scope: Scope,
  values: FieldValues,
): Promise<readonly ChainObject[]> {
  const items: ChainObject[] = []
  let token: string | undefined
  do {
    const page: ObjectList<ChainObject> = await client.get(accessPath('chains', scope), {
      fieldSelector: fieldSelector(values),
      limit: '500',
      continue: token,
    })
    items.push(...page.items)
    token = page.metadata.continue
  } while (token !== undefined && token !== '')
  return items
}

/** One page of decisions, oldest first; `query` holds the parameters of the API. */
export async function listAuditEvents(
  client: KubernetesClient,
  scope: Scope,
  query: Query,
): Promise<ObjectList<AuditEventObject>> {
  return client.get(accessPath('auditevents', scope), query)
}
