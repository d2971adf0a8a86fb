import { humanDuration } from '../../core/kubernetes/human-duration.ts'
import type { AuditStoreObject } from '../objects/audit-store-object.ts'
import { type Column, column } from './column.ts'

const MEBIBYTE = 1_024 * 1_024
const WIDE = { priority: 1 } as const

/** What `kubectl get auditstores` shows. */
export const AUDIT_STORE_COLUMNS: readonly Column<AuditStoreObject>[] = [
  column('Name', 'Name of the database.', ({ metadata }) => metadata.name, { format: 'name' }),
  column('Size', 'Size of the database.', ({ status }) => quantity(status.bytes)),
  column('Free', 'What is free on its volume.', ({ status }) => quantity(status.volumeFreeBytes)),
  column('Oldest', 'Time since the oldest decision on record.', ({ status }, nowMs) =>
    since(status.oldestDecidedAt, nowMs),
  ),
  column('Backup', 'Time since the last copy.', ({ status }, nowMs) =>
    since(status.lastBackupAt, nowMs),
  ),
  column(
    'Problem',
    'Why nothing can be recorded, or what is damaged.',
    ({ status }) => status.problem ?? '<none>',
  ),
  column('Volume', 'Size of its volume.', ({ status }) => quantity(status.volumeBytes), WIDE),
  column(
    'Retention',
    'How long decisions are kept.',
    ({ spec }) => (spec.retentionDays === 0 ? '<forever>' : `${spec.retentionDays}d`),
    WIDE,
  ),
  column(
    'Unseen Edits',
    'Objects that were edited while the control plane was away.',
    ({ status }) => status.edits?.unseen ?? '<unknown>',
    WIDE,
  ),
  column(
    'Unknown Edits',
    'Objects of which an edit cannot be told.',
    ({ status }) => status.edits?.unknown ?? '<unknown>',
    WIDE,
  ),
  column(
    'Recordings',
    'How many recordings of sessions there are.',
    ({ status }) => status.recordings?.count ?? '<unknown>',
    WIDE,
  ),
  column(
    'Recorded',
    'What the recordings take.',
    ({ status }) => quantity(status.recordings?.bytes),
    WIDE,
  ),
]

/** Whole mebibytes, rounded up, as a quantity of Kubernetes. */
function quantity(bytes: number | undefined): string {
  return bytes === undefined ? '<unknown>' : `${Math.ceil(bytes / MEBIBYTE)}Mi`
}

function since(time: string | undefined, nowMs: number): string {
  return time === undefined ? '<none>' : humanDuration(nowMs - Date.parse(time))
}
