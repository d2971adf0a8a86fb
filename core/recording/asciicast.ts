/*
 * asciicast, the file format of asciinema: a header line and one line for each event, as JSON.
 * Versions 2 and 3 (https://docs.asciinema.org/manual/asciicast/v3/). A version 3 file has intervals
 * where version 2 has times, an event for the exit, and comments.
 */

export type CastVersion = 2 | 3

/** What the first line of a file says. */
export interface CastHeader {
  /** 0 where the recorder knew no terminal. */
  readonly columns: number
  readonly rows: number
  /** Unix seconds of the beginning. */
  readonly timestamp?: number
  /** Longest pause that a player is to keep, in seconds. */
  readonly idleTimeLimit?: number
  readonly command?: string
  readonly title?: string
  /** Such as `xterm-256color`. */
  readonly terminalType?: string
  readonly env?: Readonly<Record<string, string>>
  /** What Lanyard says of the session; other programs ignore this field. */
  readonly lanyard?: Readonly<Record<string, unknown>>
}

/** One event, with the time since the beginning in microseconds. */
export interface CastEvent {
  readonly atUs: number
  /** One of `CAST_CODES`, or a code of another program, which players skip. */
  readonly code: string
  readonly text: string
}

/** The codes of events that this program writes. */
export const CAST_CODES = {
  output: 'o',
  input: 'i',
  /** `COLUMNSxROWS` */
  resize: 'r',
  marker: 'm',
  /** Exit code of the command; version 3 only. */
  exit: 'x',
  /** Lanyard's own, with no text: the next output event is error output. Other players skip it. */
  errorOutput: 'e',
} as const

/** Terminals have at most this many columns and rows: they are 16-bit numbers for every kernel. */
export const TERMINAL_SIDE_MAX = 65_535
