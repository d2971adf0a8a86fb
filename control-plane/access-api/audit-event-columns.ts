import type { AuditEventObject } from '../../core/access-objects.ts'
import { humanDuration } from '../../core/kubernetes/human-duration.ts'
import { type Column, column } from './column.ts'

const WIDE = { priority: 1 } as const

/** What `kubectl get auditevents` shows. */
export const AUDIT_EVENT_COLUMNS: readonly Column<AuditEventObject>[] = [
  column('Name', 'Id of the decision in lower case.', ({ metadata }) => metadata.name, {
    format: 'name',
  }),
  column('Effect', 'The decision, and for how many requests if for several.', describeEffect),
  column('Verb', 'What was asked to be done.', ({ spec }) => spec.verb),
  column('Resource', 'The kind of object it was asked for.', describeResource),
  column('Target', 'The object or path it was asked for.', describeTarget),
  column('Pod', 'The pod that asked.', ({ spec }) => spec.pod),
  column('Root Requester', 'Who started the chain of the pod.', ({ spec }) => spec.rootRequester),
  column('Status', 'HTTP status that the pod got.', describeStatus),
  column('Age', 'Time since the decision.', ({ spec }, nowMs) =>
    humanDuration(nowMs - Date.parse(spec.decidedAt)),
  ),
  column('Reason', 'Why it was decided so.', ({ spec }) => spec.reason, WIDE),
  column('Refused By', 'The principal that may not.', ({ spec }) => orNone(spec.refusedBy), WIDE),
  column('Rule', 'The policy rule that decided.', ({ spec }) => orNone(spec.rule), WIDE),
  column(
    'Service Account',
    'The service account of the pod.',
    ({ spec }) => spec.serviceAccount,
    WIDE,
  ),
  column('Container', 'The container that asked.', ({ spec }) => orNone(spec.container), WIDE),
  column(
    'Impersonated User',
    'As whom the pod wanted to act.',
    ({ spec }) => orNone(spec.impersonatedUser?.username ?? ''),
    WIDE,
  ),
  column(
    'Command',
    'What an exec was to run.',
    ({ spec }) => orNone((spec.exec?.command ?? []).join(' ')),
    WIDE,
  ),
  column(
    'User Agent',
    'What the client called itself.',
    ({ spec }) => orNone(spec.userAgent),
    WIDE,
  ),
]

function describeEffect({ spec }: AuditEventObject): string {
  if (spec.refusals !== undefined) return `${spec.effect} x${spec.refusals}`
  return spec.observed ? `${spec.effect} (observed)` : spec.effect
}

function describeResource({ spec }: AuditEventObject): string {
  if (spec.resource === '') return '<none>'
  const kind = spec.apiGroup === '' ? spec.resource : `${spec.resource}.${spec.apiGroup}`
  return spec.subresource === '' ? kind : `${kind}/${spec.subresource}`
}

function describeTarget({ spec }: AuditEventObject): string {
  if (spec.resource === '') return spec.path
  const name = spec.name === '' ? '*' : spec.name
  return spec.namespace === '' ? name : `${spec.namespace}/${name}`
}

function describeStatus({ status }: AuditEventObject): string {
  if (status.phase === 'Open') return 'open'
  const text = status.httpStatus === 0 ? 'cut' : String(status.httpStatus)
  return status.fault === '' ? text : `${text} (${status.fault})`
}

function orNone(text: string): string {
  return text === '' ? '<none>' : text
}
