import type { Removal } from '../../core/audit/removal.ts'

/** Plural name of the resource. */
export const AUDIT_STORES = 'auditstores'
/** The one object: the database of chains and records. */
export const AUDIT_STORE_NAME = 'audit'

/** What was removed for its age or for room; times are RFC 3339. */
export interface RemovalObject
  extends Pick<Removal, 'reason' | 'firstId' | 'lastId' | 'decisions' | 'records' | 'sha256'> {
  readonly removedAt: string
  readonly firstDecidedAt: string
  readonly lastDecidedAt: string
}

/** How the database is. Sizes are bytes, times RFC 3339; what is absent is not known or has not been. */
export interface AuditStoreObject {
  readonly apiVersion: string
  readonly kind: 'AuditStore'
  readonly metadata: { readonly name: string }
  readonly spec: {
    /** 0 keeps decisions for ever. */
    readonly retentionDays: number
    /** 0 is no limit. */
    readonly bytesMax: number
    readonly freeBytesMin: number
  }
  readonly status: {
    readonly bytes: number
    readonly reusableBytes: number
    readonly volumeBytes?: number
    readonly volumeFreeBytes?: number
    readonly oldestDecidedAt?: string
    /** When it was found to be whole; absent while it is looked at. */
    readonly checkedAt?: string
    /** Why nothing can be recorded, or is damaged. */
    readonly problem?: string
    readonly lastBackupAt?: string
    /** The newest first; some. */
    readonly removals: readonly RemovalObject[]
  }
}
