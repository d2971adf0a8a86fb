import type { AuditEventStore } from '../../control-plane/store/audit-event-store.ts'
import { Fault } from '../../core/fault.ts'
import { NOON_MS } from './record-builders.ts'

/** How the database is where there is none. */
export function noStore(auditEvents: AuditEventStore) {
  return {
    auditEvents,
    size: () => ({ bytes: 47_185_920, logBytes: 0, reusableBytes: 0 }),
    copyTo: () => Promise.reject(new Fault('audit_unavailable', 'There is no database')),
    noteBackup: async () => undefined,
    lastBackupAtMs: () => NOON_MS - 3_600_000,
    checkedAtMs: () => NOON_MS - 7_200_000,
    problem: () => undefined,
  }
}
