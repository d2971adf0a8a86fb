import type { AccessRequestStore } from './access-request-store.ts'
import type { AuditEventStore } from './audit-event-store.ts'
import type { PodBindingStore } from './pod-binding-store.ts'
import type { RecordingStore } from './recording-store.ts'
import type { WorkloadStore } from './workload-store.ts'

/** Everything that is kept: chains, who made what, decisions. */
export interface Store {
  readonly bindings: PodBindingStore
  readonly workloads: WorkloadStore
  readonly auditEvents: AuditEventStore
  readonly accessRequests: AccessRequestStore
  readonly recordings: RecordingStore
  /** Why nothing can be recorded just now; undefined when it can. */
  problem(): string | undefined
  /** Tries to write, and so finds out that a problem is over. Throws `audit_unavailable`. */
  probe(): Promise<void>
  /** Why what was recorded may be lost; undefined when it is not. */
  doubt(): string | undefined
  /** How large the database is. */
  size(): StoreSize
  /**
   * Makes ready to give back at most so many bytes of what was removed; false when nothing could be. Throws
   * `audit_unavailable`.
   */
  shrink(bytesMax: number): boolean
  /** Gives them back. Throws `audit_unavailable`. */
  checkpoint(): void
  /** When the database was found to be whole, Unix milliseconds; undefined until that is known. */
  checkedAtMs(): number | undefined
  /** A copy as of one moment, whole when it resolves. Throws `audit_unavailable`. */
  copyTo(path: string): Promise<StoreCopy>
  /** Notes that somebody has a copy. */
  noteBackup(atMs: number): Promise<void>
  lastBackupAtMs(): number | undefined
  /** Closes the file once nothing waits to be written. */
  close(): Promise<void>
}

/** A copy of the database. */
export interface StoreCopy {
  readonly bytes: number
  /** Of the file, in hexadecimal. */
  readonly sha256: string
}

/** In bytes. */
export interface StoreSize {
  /** Of the file. */
  readonly bytes: number
  /** Of the log that is still to be copied into it. */
  readonly logBytes: number
  /** Of what was removed, in the file, for what comes. */
  readonly reusableBytes: number
}
