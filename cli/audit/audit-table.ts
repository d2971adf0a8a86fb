import { AUDIT_LOG_COLUMNS } from '../../api/columns/audit-event-columns.ts'
import type { AuditEventObject } from '../../api/objects/access-objects.ts'
import type { TableColumn } from '../terminal/table-writer.ts'
import { formatTime } from '../terminal/time-text.ts'

export interface AuditTableOptions {
  readonly utc: boolean
  readonly allNamespaces: boolean
  readonly wide: boolean
  /** Unix milliseconds. */
  now(): number
}

type AuditColumn = TableColumn<AuditEventObject>

const NAMESPACE: AuditColumn = {
  title: 'NAMESPACE',
  usualWidth: 12,
  cell: ({ metadata }) => metadata.namespace,
}

/** What `audit` shows of a decision: the columns of the API, and in front the time as the user reads it. */
export function auditColumns(options: AuditTableOptions): readonly AuditColumn[] {
  const { utc, allNamespaces, wide, now } = options
  const time: AuditColumn = {
    title: 'TIME',
    usualWidth: 20,
    cell: ({ spec }) => formatTime(spec.decidedAt, utc),
  }
  const columns = AUDIT_LOG_COLUMNS.filter(({ priority }) => wide || priority === 0)
  return [
    time,
    ...(allNamespaces ? [NAMESPACE] : []),
    ...columns.map(({ name, format, usualWidth, cell }) => ({
      title: format === 'name' ? 'DECISION' : name.toUpperCase(),
      usualWidth,
      cell: (event: AuditEventObject) => String(cell(event, now())),
    })),
  ]
}
