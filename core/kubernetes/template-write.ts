import type { RequestAttributes } from './request-attributes.ts'
import { KEPT_TEMPLATE, WORKLOAD_KINDS } from './workload-kinds.ts'

/** Kinds whose objects hold a pod template, by group and resource. */
const TEMPLATES: ReadonlySet<string> = new Set([
  ...[...WORKLOAD_KINDS, KEPT_TEMPLATE].map(({ group, resource }) => `${group}/${resource}`),
  '/podtemplates',
])

/**
 * Whether the body of a request says what pods run. The commands of a pod that is there never change, so of pods only
 * creating counts, and ephemeral containers. Source: Kubernetes v1.34 pkg/apis/core/validation
 * (ValidatePodUpdate).
 */
export function writesTemplate(attributes: RequestAttributes): boolean {
  const { resourceRequest, verb, alsoVerbs, apiGroup, resource, subresource } = attributes
  if (!resourceRequest) return false
  const verbs = [verb, ...alsoVerbs]
  const creates = verbs.includes('create')
  const writes = creates || verbs.includes('update') || verbs.includes('patch')
  if (apiGroup === '' && resource === 'pods') {
    return subresource === '' ? creates : subresource === 'ephemeralcontainers' && writes
  }
  return writes && subresource === '' && TEMPLATES.has(`${apiGroup}/${resource}`)
}
