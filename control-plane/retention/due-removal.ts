import type { RemovalReason } from '../../core/audit/removal.ts'

/** How much of the audit is kept; 0 is no limit. */
export interface RetentionLimits {
  readonly daysMax: number
  /** Of what the database holds. */
  readonly bytesMax: number
  /** Of the volume. */
  readonly freeBytesMin: number
}

/** How much room the records take, in bytes. */
export interface RetentionState {
  readonly nowMs: number
  /** What the database holds, without what it could use again. */
  readonly usedBytes: number
  /** What can still be written: on the volume, and in the file. */
  readonly freeBytes: number
}

export interface DueRemoval {
  readonly reason: RemovalReason
  readonly decidedBeforeMs: number
}

const DAY_MS = 24 * 3_600_000
/**
 * What is younger goes for its age alone. Otherwise whoever can fill the volume could have the records of
 * what he just did removed.
 */
const KEPT_MS = DAY_MS

/** Which decisions have to go now, if any; the reason is the first that holds. */
export function dueRemovals(limits: RetentionLimits, state: RetentionState): readonly DueRemoval[] {
  const { nowMs, usedBytes, freeBytes } = state
  const { daysMax, bytesMax, freeBytesMin } = limits
  const decidedBeforeMs = nowMs - KEPT_MS
  return [
    ...(daysMax > 0 ? [{ reason: 'age', decidedBeforeMs: nowMs - daysMax * DAY_MS } as const] : []),
    ...(bytesMax > 0 && usedBytes > bytesMax ? [{ reason: 'size', decidedBeforeMs } as const] : []),
    ...(freeBytes < freeBytesMin ? [{ reason: 'space', decidedBeforeMs } as const] : []),
  ]
}
