import type { AuditEvent, Effect, Outcome, RefusalSummary } from '../../core/audit/audit-event.ts'
import type { Removal, RemovalReason } from '../../core/audit/removal.ts'
import type { DecisionPart } from '../../proto/audit-event-message.ts'

/** A decision before it has its place in the log. */
export type NewAuditEvent = DecisionPart

export interface AuditEventFilter {
  /** Namespace of the calling pod. */
  readonly namespace?: string
  /** Name of the calling pod. */
  readonly pod?: string
  readonly rootRequester?: string
  readonly effect?: Effect
  readonly verb?: string
  readonly resource?: string
}

/** A stretch of the log. */
export interface Stretch {
  readonly afterSequence: number
  /** Nothing after it is looked at, so that a filter which finds little does not read the whole log. */
  readonly untilSequence?: number
  /** Most events to find. */
  readonly limit: number
}

export interface AuditEventPage {
  readonly events: readonly AuditEvent[]
  /** Highest sequence of the whole log, read no later than the events: none up to it is missing. */
  readonly sequence: number
  /** Sequence of the last decision that was removed for its age or for room; 0 when none ever was. */
  readonly removedUntil: number
}

/**
 * Reads the log. Every method may throw `audit_unavailable`: nothing can be read, or what is there is
 * damaged.
 */
export interface AuditEventReader {
  get(id: string): Promise<AuditEvent | undefined>
  /** Decisions of a stretch, oldest first, each with what is known of it by now. */
  list(filter: AuditEventFilter, stretch: Stretch): Promise<AuditEventPage>
  /**
   * Decisions about which something was recorded in a stretch, in the order of what was recorded last
   * about each. One about which more is recorded later is not among them: it comes with that.
   */
  changes(filter: AuditEventFilter, stretch: Stretch): Promise<AuditEventPage>
  /** What was removed, newest first; at most `limit`. */
  removals(limit: number): Promise<readonly Removal[]>
  /** Calls back after something was committed; returns the way to stop. */
  onCommit(listener: () => void): () => void
}

/** Which decisions may go. */
export interface RemovalRequest {
  /** Unix milliseconds: none that was made then or later. */
  readonly decidedBeforeMs: number
  /** Most decisions to remove. */
  readonly limit: number
  readonly reason: RemovalReason
  readonly nowMs: number
}

/** The log: what is in it is never changed. Every method may throw `audit_unavailable`. */
export interface AuditEventStore extends AuditEventReader {
  /** Resolves once the event is on disk, never before. */
  append(event: NewAuditEvent): Promise<void>
  /**
   * Records how many refusals a record of this pod stands for by now; its samples are those that were not
   * told before. Resolves once it is on disk.
   */
  sum(podUid: string, decisionId: string, summary: RefusalSummary): Promise<void>
  /**
   * Records what became of a decision of this pod, of no other's; the first outcome stays. Resolves
   * once it is on disk.
   */
  complete(podUid: string, decisionId: string, outcome: Outcome): Promise<void>
  /**
   * Removes the oldest decisions with all that was recorded about them, and records what went: nobody reads
   * them from then on. Their room is free once they are swept. Undefined when none may go. A crash right
   * after it may undo it as a whole.
   */
  removeOldest(request: RemovalRequest): Promise<Removal | undefined>
  /**
   * Frees the room of at most `limit` decisions that were removed. Resolves with how many; 0 when nothing is left
   * to sweep.
   */
  sweep(limit: number): Promise<number>
  /** Highest sequence that was given to a record; tells how much was recorded between two looks. */
  newest(): number
}
