/** How much of a session is recorded: nothing, what it wrote, or what was typed too. */
export type RecordingLevel = 'none' | 'output' | 'all'

/** How a session ended. */
export type SessionEnding =
  | 'finished'
  | 'caller_gone'
  | 'upstream_gone'
  /** A rule ended it. */
  | 'refused'
  /** What allowed it no longer does. */
  | 'revoked'
  /** A person ended it. */
  | 'cut'
  /** What was sent could not be read as its protocol. */
  | 'unreadable'
  /** It could not be recorded any further. */
  | 'unrecorded'
  /** The pod ended, and its sidecar with it. */
  | 'drained'
  /** The sidecar went without a word: said by the control plane only. */
  | 'lost'
  /** The control plane ended first: said by the control plane only. */
  | 'interrupted'

/** That a session was ended, as markers say it. */
export function endedText(ending: SessionEnding, reason: string): string {
  return `session ended, ${ending}${reason === '' ? '' : `: ${reason}`}`
}

interface Timed {
  /** Microseconds since the session began; never less than of the event before. */
  readonly atUs: number
}

/** Bytes as they went over the wire; a character can be split between two events. */
export interface StreamEvent extends Timed {
  readonly kind: 'output' | 'error_output' | 'input'
  readonly bytes: Uint8Array
}

/** The terminal got another size. */
export interface ResizeEvent extends Timed {
  readonly kind: 'resize'
  readonly columns: number
  readonly rows: number
}

/** The command ended. */
export interface ExitEvent extends Timed {
  readonly kind: 'exit'
  /** Absent where the session does not say it. */
  readonly code?: number
  /** Status of the error channel, as it came: JSON, or the text of an older protocol. */
  readonly status: string
}

/** What a rule did. */
export interface MarkerEvent extends Timed {
  readonly kind: 'marker'
  readonly text: string
}

/** A connection of a port-forward; the counts are 0 when it opens. */
export interface ConnectionEvent extends Timed {
  readonly kind: 'connection_opened' | 'connection_closed'
  /** From 1, each once. */
  readonly connection: number
  readonly port: number
  readonly bytesToPod: number
  readonly bytesFromPod: number
  /** What the error stream of the connection said. */
  readonly error: string
}

/** A file of a copy. */
export interface FileEvent extends Timed {
  readonly kind: 'file'
  readonly direction: 'to_pod' | 'from_pod'
  /** As the tar stream says it. */
  readonly name: string
  readonly bytes: number
  /** In hexadecimal; empty when the stream ended within the file. */
  readonly sha256: string
}

/** What happened in a session, lossless: recorded bytes are the client's bytes. */
export type SessionEvent =
  | StreamEvent
  | ResizeEvent
  | ExitEvent
  | MarkerEvent
  | ConnectionEvent
  | FileEvent
