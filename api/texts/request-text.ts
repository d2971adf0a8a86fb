import type { AuditEventSpec, AuditEventStatus } from '../objects/access-objects.ts'

type AskedResource = Pick<AuditEventSpec, 'apiGroup' | 'resource' | 'subresource'>
type AskedTarget = Pick<AuditEventSpec, 'resource' | 'namespace' | 'name' | 'path'>
type AskedParts = AskedResource & AskedTarget & Pick<AuditEventSpec, 'verb' | 'alsoVerbs'>

/** `deployments.apps/status`; `<none>` for a path that is no resource. */
export function resourceText({ apiGroup, resource, subresource }: AskedResource): string {
  if (resource === '') return '<none>'
  const kind = apiGroup === '' ? resource : `${resource}.${apiGroup}`
  return subresource === '' ? kind : `${kind}/${subresource}`
}

/** `team/db`, `team/*` for all of a namespace, or the path. */
export function targetText({ resource, namespace, name, path }: AskedTarget): string {
  if (resource === '') return path
  const object = name === '' ? '*' : name
  return namespace === '' ? object : `${namespace}/${object}`
}

/** The HTTP status that the pod got, and what went wrong besides. */
export function statusText({ phase, httpStatus, fault }: AuditEventStatus): string {
  if (phase === 'Open') return 'open'
  const code = httpStatus === undefined || httpStatus === 0 ? 'cut' : String(httpStatus)
  return fault === undefined || fault === '' ? code : `${code} (${fault})`
}

/** `Deny`, `Deny x12` for twelve in one record, or what a namespace that only observes let pass. */
export function effectText({ effect, observed, refusals }: AuditEventSpec): string {
  if (refusals !== undefined) return `${effect} x${refusals}`
  return observed ? `${effect} (observed)` : effect
}

/** The same request in words: `get secrets "db" in namespace team`. */
export function requestText(spec: AskedParts): string {
  const verbs = [spec.verb, ...spec.alsoVerbs].join(' and ')
  if (spec.resource === '') return `${verbs} ${spec.path}`
  const object = spec.name === '' ? '' : ` ${JSON.stringify(spec.name)}`
  const where = spec.namespace === '' ? 'at the cluster scope' : `in namespace ${spec.namespace}`
  return `${verbs} ${resourceText(spec)}${object} ${where}`
}
