import type { AuditEventObject } from '../core/access-objects.ts'
import { effectText, resourceText, statusText, targetText } from './request-text.ts'
import type { TableColumn } from './table-writer.ts'
import { formatTime } from './time-text.ts'

export interface AuditTableOptions {
  readonly utc: boolean
  readonly allNamespaces: boolean
  readonly wide: boolean
}

/** What `audit` shows of a decision. The id stands last among the narrow columns: it is to be copied. */
export function auditColumns(options: AuditTableOptions): readonly TableColumn<AuditEventObject>[] {
  const column = (title: string, cell: (event: AuditEventObject) => string) => ({ title, cell })
  return [
    column('TIME', ({ spec }) => formatTime(spec.decidedAt, options.utc)),
    ...(options.allNamespaces ? [column('NAMESPACE', ({ metadata }) => metadata.namespace)] : []),
    column('EFFECT', ({ spec }) => effectText(spec)),
    column('VERB', ({ spec }) => spec.verb),
    column('RESOURCE', ({ spec }) => resourceText(spec)),
    column('TARGET', ({ spec }) => targetText(spec)),
    column('POD', ({ spec }) => spec.pod),
    column('ROOT REQUESTER', ({ spec }) => spec.rootRequester),
    column('STATUS', ({ status }) => statusText(status)),
    column('DECISION', ({ metadata }) => metadata.name),
    ...(options.wide ? WIDE_COLUMNS : []),
  ]
}

const orNone = (text: string) => (text === '' ? '<none>' : text)

const WIDE_COLUMNS: readonly TableColumn<AuditEventObject>[] = [
  { title: 'REASON', cell: ({ spec }) => spec.reason },
  { title: 'REFUSED BY', cell: ({ spec }) => orNone(spec.refusedBy) },
  { title: 'RULE', cell: ({ spec }) => orNone(spec.rule) },
  { title: 'SERVICE ACCOUNT', cell: ({ spec }) => spec.serviceAccount },
  { title: 'CONTAINER', cell: ({ spec }) => orNone(spec.container) },
  { title: 'USER AGENT', cell: ({ spec }) => orNone(spec.userAgent) },
]
