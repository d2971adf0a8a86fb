import type { AuditEventObject } from '../core/access-objects.ts'
import { commandText } from './exec-text.ts'
import { effectText, resourceText, statusText, targetText } from './request-text.ts'
import type { TableColumn } from './table-writer.ts'
import { formatTime } from './time-text.ts'

export interface AuditTableOptions {
  readonly utc: boolean
  readonly allNamespaces: boolean
  readonly wide: boolean
}

type AuditColumn = TableColumn<AuditEventObject>

/** What `audit` shows of a decision. The id stands last among the narrow columns: it is to be copied. */
export function auditColumns(options: AuditTableOptions): readonly AuditColumn[] {
  const namespace: AuditColumn = {
    title: 'NAMESPACE',
    usualWidth: 12,
    cell: ({ metadata }) => metadata.namespace,
  }
  return [
    {
      title: 'TIME',
      usualWidth: 20,
      cell: ({ spec }) => formatTime(spec.decidedAt, options.utc),
    },
    ...(options.allNamespaces ? [namespace] : []),
    { title: 'EFFECT', usualWidth: 10, cell: ({ spec }) => effectText(spec) },
    { title: 'VERB', usualWidth: 6, cell: ({ spec }) => spec.verb },
    { title: 'RESOURCE', usualWidth: 12, cell: ({ spec }) => resourceText(spec) },
    { title: 'TARGET', usualWidth: 16, cell: ({ spec }) => targetText(spec) },
    { title: 'POD', usualWidth: 16, cell: ({ spec }) => spec.pod },
    { title: 'ROOT REQUESTER', usualWidth: 14, cell: ({ spec }) => spec.rootRequester },
    { title: 'STATUS', usualWidth: 6, cell: ({ status }) => statusText(status) },
    { title: 'DECISION', usualWidth: 26, cell: ({ metadata }) => metadata.name },
    ...(options.wide ? WIDE_COLUMNS : []),
  ]
}

const orNone = (text: string) => (text === '' ? '<none>' : text)

const WIDE_COLUMNS: readonly AuditColumn[] = [
  { title: 'REASON', cell: ({ spec }) => spec.reason },
  { title: 'REFUSED BY', cell: ({ spec }) => orNone(spec.refusedBy) },
  { title: 'RULE', cell: ({ spec }) => orNone(spec.rule) },
  { title: 'SERVICE ACCOUNT', cell: ({ spec }) => spec.serviceAccount },
  { title: 'CONTAINER', cell: ({ spec }) => orNone(spec.container) },
  { title: 'COMMAND', cell: ({ spec }) => orNone(commandText(spec)) },
  { title: 'USER AGENT', cell: ({ spec }) => orNone(spec.userAgent) },
]
