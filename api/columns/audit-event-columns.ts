import { humanDuration } from '../../core/kubernetes/human-duration.ts'
import type { AuditEventObject } from '../objects/access-objects.ts'
import { commandText } from '../texts/exec-text.ts'
import { effectText, resourceText, statusText, targetText } from '../texts/request-text.ts'
import { type Column, column } from './column.ts'

type AuditEventColumn = Column<AuditEventObject>

const WIDE = { priority: 1 } as const

/** The id of the decision. A table in which rows are found by time shows it last. */
const NAME: AuditEventColumn = column(
  'Name',
  'Id of the decision in lower case.',
  ({ metadata }) => metadata.name,
  { format: 'name', usualWidth: 26 },
)

const AGE: AuditEventColumn = column('Age', 'Time since the decision.', ({ spec }, nowMs) =>
  humanDuration(nowMs - Date.parse(spec.decidedAt)),
)

/** The columns of a decision after its id and its time; an empty cell is `<none>`. */
const REQUEST_AND_ANSWER: readonly AuditEventColumn[] = [
  column(
    'Effect',
    'The decision, and for how many requests if for several.',
    ({ spec }) => effectText(spec),
    { usualWidth: 10 },
  ),
  column('Verb', 'What was asked to be done.', ({ spec }) => spec.verb, { usualWidth: 6 }),
  column('Resource', 'The kind of object it was asked for.', ({ spec }) => resourceText(spec), {
    usualWidth: 12,
  }),
  column('Target', 'The object or path it was asked for.', ({ spec }) => targetText(spec), {
    usualWidth: 16,
  }),
  column('Pod', 'The pod that asked.', ({ spec }) => spec.pod, { usualWidth: 16 }),
  column('Root Requester', 'Who started the chain of the pod.', ({ spec }) => spec.rootRequester, {
    usualWidth: 14,
  }),
  column('Status', 'HTTP status that the pod got.', ({ status }) => statusText(status), {
    usualWidth: 6,
  }),
]

const DETAILS: readonly AuditEventColumn[] = [
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
    'What an exec was to run, as a shell takes it.',
    ({ spec }) => orNone(commandText(spec)),
    WIDE,
  ),
  column(
    'User Agent',
    'What the client called itself.',
    ({ spec }) => orNone(spec.userAgent),
    WIDE,
  ),
]

/** What `kubectl get auditevents` shows: the id comes first, as in every table of Kubernetes. */
export const AUDIT_EVENT_COLUMNS: readonly AuditEventColumn[] = [
  NAME,
  ...REQUEST_AND_ANSWER,
  AGE,
  ...DETAILS,
]

/** The same columns for a table that has a time of its own in front: the id comes last, to be copied. */
export const AUDIT_LOG_COLUMNS: readonly AuditEventColumn[] = [
  ...REQUEST_AND_ANSWER,
  NAME,
  ...DETAILS,
]

function orNone(text: string): string {
  return text === '' ? '<none>' : text
}
