import type { AuditEvent, Effect, Outcome, RefusalSummary } from '../../core/audit/audit-event.ts'

/** A decision before it has its place in the order of records. */
export type NewAuditEvent = Omit<AuditEvent, 'sequence' | 'revision' | 'outcome'> & {
  /** How often the pod's chain had grown when it was judged; 0 unless told. */
  readonly growth?: number
}

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

export interface AuditEventPage {
  readonly events: readonly AuditEvent[]
  /** Highest revision of the whole log, read no later than the events: none up to it is missing. */
  readonly revision: number
  /** Highest sequence of the whole log, read at the same time. */
  readonly sequence: number
}

/** Reads the decisions. Every method may throw `audit_unavailable`. */
export interface AuditEventReader {
  get(id: string): Promise<AuditEvent | undefined>
  /**
   * Oldest first, of those after `afterSequence`; at most `limit`. With `untilSequence` nothing
   * after that one is looked at, so that a filter which finds little does not read the whole log.
   */
  list(
    filter: AuditEventFilter,
    page: {
      readonly afterSequence: number
      readonly untilSequence?: number
      readonly limit: number
    },
  ): Promise<AuditEventPage>
  /**
   * Events changed after `afterRevision`, in the order of their changes; at most `limit`. With
   * `untilRevision` no later change is looked at.
   */
  changes(
    filter: AuditEventFilter,
    page: {
      readonly afterRevision: number
      readonly untilRevision?: number
      readonly limit: number
    },
  ): Promise<AuditEventPage>
  /** Calls back after something was committed; returns the way to stop. */
  onCommit(listener: () => void): () => void
}

export interface AuditEventStore extends AuditEventReader {
  /** Resolves once the event is on disk, never before. Throws `audit_unavailable`. */
  append(event: NewAuditEvent): Promise<void>
  /**
   * Notes how many refusals a record of this pod stands for by now. Resolves once it is on disk. Throws
   * `audit_unavailable`.
   */
  sum(podUid: string, decisionId: string, summary: RefusalSummary): Promise<void>
  /**
   * Notes what became of a decision of this pod, of no other's; the first outcome stays. Resolves
   * once it is on disk.
   */
  complete(podUid: string, decisionId: string, outcome: Outcome): Promise<void>
}
