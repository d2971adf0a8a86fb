import type { RecordingLevel } from '../../core/recording/session-event.ts'
import type { Observation } from './observation.ts'

/**
 * Reads both ways of a tunnel and tells what they say, as events; changes nothing and keeps nothing of what passes.
 * Each way is read in its order. Whatever has no one meaning throws `Unreadable`; then nothing more may be pushed.
 */
export interface TunnelObserver {
  fromCaller(chunk: Buffer): void
  fromServer(chunk: Buffer): void
  /**
   * What may be said to the caller after the last byte of the API server, so that it knows why the session ends;
   * nothing where the protocol has no place for it. Nothing may be pushed afterwards.
   */
  farewell(why: Farewell): Buffer
  /**
   * What tells the caller a text among the output of a command, after the last byte of the API server; undefined while
   * that is within a frame, and where there is no place for it.
   */
  say?(text: Buffer, where: 'output' | 'error_output'): Buffer | undefined
  /** Both ways are over: tells what was not told yet. */
  finish(): void
}

/** Why a session ends: a `Status` as JSON, and its message. */
export interface Farewell {
  readonly status: string
  readonly message: string
}

/** What an observer is made of. */
export interface Observed {
  readonly level: RecordingLevel
  readonly emit: (event: Observation) => void
}
