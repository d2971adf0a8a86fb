import type { Removal } from '../../core/audit/removal.ts'

/** Plural name of the resource. */
export const AUDIT_STORES = 'auditstores'
/** The one object: the database of chains and records. */
export const AUDIT_STORE_NAME = 'audit'

/** What was removed for its age or for room; times are RFC 3339. */
export interface RemovalObject
  extends Pick<Removal, 'reason' | 'firstId' | 'lastId' | 'decisions' | 'records' | 'sha256'> {
  /** Recordings of sessions that went with them; absent when none did. */
  readonly recordings?: number
  readonly removedAt: string
  readonly firstDecidedAt: string
  readonly lastDecidedAt: string
}

/** What the control plane found at its start when it compared templates with what it had seen of them. */
export interface ComparedEditsObject {
  /** RFC 3339. */
  readonly comparedAt: string
  /** Objects that make pods, and templates that are kept. */
  readonly objects: number
  /** Objects that somebody changed while nobody was told. */
  readonly unseen: number
  /** Objects of which no earlier code is on record, so that an edit cannot be told. */
  readonly unknown: number
}

/** Recordings of sessions, as far as people can read them. Sizes are bytes. */
export interface KeptRecordingsObject {
  readonly count: number
  /** Those of them that were recorded elsewhere. */
  readonly imported: number
  readonly live: number
  readonly bytes: number
  /** 0 is no limit. */
  readonly bytesMax: number
  /** Free room of the volume below which no session is recorded. */
  readonly freeBytesMin: number
  /** RFC 3339. */
  readonly oldestBeganAt?: string
  /** Files that the database does not list, in the folder `unlisted`. */
  readonly unlistedFiles: number
  readonly unlistedBytes: number
  /** Segments that were compared with their digests at the last look, of how many, and their bytes. */
  readonly comparedSegments: number
  readonly segments: number
  readonly comparedBytes: number
  /** Ids of sessions with a segment that is not as it was written. */
  readonly damaged: readonly string[]
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
    /** Absent when the files cannot be read. */
    readonly recordings?: KeptRecordingsObject
    /** Absent until the comparison has ended, and when it failed. */
    readonly edits?: ComparedEditsObject
    /** The newest first; some. */
    readonly removals: readonly RemovalObject[]
  }
}
