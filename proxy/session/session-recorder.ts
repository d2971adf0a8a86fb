import type { Fault } from '../../core/fault.ts'
import type { SessionEnding } from '../../core/recording/session-event.ts'
import type { Observation } from './observation.ts'

/** Why a session must end before its time. */
export interface SessionFailure {
  /** What the caller is told. */
  readonly fault: Fault
  readonly ending: SessionEnding
}

/** Whether a line may be sent, and if not why, in words for the caller. */
export interface LineVerdict {
  readonly passes: boolean
  readonly reason: string
}

/** Puts one session on record while it happens. */
export interface SessionRecorder {
  /**
   * Resolves when so little is unstored that more may be shown, or when the recording is over; undefined when more may
   * be shown now.
   */
  room(): Promise<void> | undefined
  /** Puts events on their way, in their order. Nothing once the recording is over. */
  add(events: readonly Observation[]): void
  /** Asks whether a typed line may be sent, one at a time. No answer in time is no. */
  judgeLine(line: Buffer): Promise<LineVerdict>
  /** Calls back once, immediately or later, when the session must end. */
  onCut(cut: (failure: SessionFailure) => void): void
  /** Says that the session is over, how, and why. What was added is still put on record. Once. */
  end(ending: SessionEnding, reason: string): void
}
