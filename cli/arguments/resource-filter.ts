import type { AuditEventSpec } from '../../api/objects/access-objects.ts'
import { Fault } from '../../core/fault.ts'

/** What `--resource` asks for; undefined parts do not matter. */
export interface ResourceFilter {
  readonly resource: string
  readonly apiGroup?: string
  readonly subresource?: string
}

/** What the RESOURCE column shows for a path that is no resource. */
const NO_RESOURCE = '<none>'
const FORM = /^(?<resource>[^./]+)(?:\.(?<apiGroup>[^/]*))?(?:\/(?<subresource>.+))?$/

/**
 * Reads what the RESOURCE column shows: `secrets`, `deployments.apps`, `pods/exec`,
 * `deployments.apps/scale`, `<none>`. What is left out can be anything. Throws `request_invalid`.
 */
export function parseResourceFilter(text: string): ResourceFilter {
  if (text === NO_RESOURCE) return { resource: '' }
  const { resource, apiGroup, subresource } = FORM.exec(text)?.groups ?? {}
  if (resource === undefined) {
    throw new Fault(
      'request_invalid',
      'want a resource as it is listed, such as secrets, deployments.apps or pods/exec',
    )
  }
  return {
    resource,
    ...(apiGroup === undefined ? {} : { apiGroup }),
    ...(subresource === undefined ? {} : { subresource }),
  }
}

/**
 * What the API cannot select: it has a field selector for the resource alone. Undefined when nothing
 * is left to look at.
 */
export function remainingMatch({
  apiGroup,
  subresource,
}: Omit<ResourceFilter, 'resource'>): ((spec: AuditEventSpec) => boolean) | undefined {
  if (apiGroup === undefined && subresource === undefined) return undefined
  return (spec) =>
    (apiGroup === undefined || spec.apiGroup === apiGroup) &&
    (subresource === undefined || spec.subresource === subresource)
}
