import type { SessionEnding } from '../../core/recording/session-event.ts'
import type { ToldByFile } from '../../core/recording/session-import.ts'
import type { ACCESS_API_VERSION, AccessObjectMeta } from './access-objects.ts'

/** Plural name of the resource. */
export const SESSIONS = 'sessions'
/** Media types of the subresource `recording`: events with bytes, one JSON object a line, and asciicast v3. */
export const RECORDING_TYPES = {
  events: 'application/x-ndjson',
  asciicast: 'application/x-asciicast',
} as const

/** Somebody who read a recording. */
export interface SessionReaderObject {
  readonly username: string
  /** RFC 3339. */
  readonly firstAt: string
  readonly lastAt: string
  readonly reads: number
}

/** Who brought a session that was recorded elsewhere, and what its file says. */
export interface SessionImportObject {
  /** User name. */
  readonly by: string
  /** RFC 3339. */
  readonly at: string
  /** Where it comes from, in the words of who brought it. */
  readonly source: string
  /** `asciicast v2` or `asciicast v3`. */
  readonly format: string
  /** Of the file. */
  readonly bytes: number
  /** Of the file, in hexadecimal. */
  readonly sha256: string
  /** What the file says of itself; nobody has checked it. */
  readonly told: ToldByFile
}

/** A session that is or was recorded; named after the id of its decision in lower case. */
export interface SessionObject {
  readonly apiVersion: typeof ACCESS_API_VERSION
  readonly kind: 'Session'
  readonly metadata: AccessObjectMeta
  readonly spec: {
    /** Name of the calling pod; its namespace is the object's own. */
    readonly pod: string
    readonly podUid: string
    /** User name of the chain's root requester. */
    readonly rootRequester: string
    /** `exec`, `attach` or `portforward`. */
    readonly subresource: string
    /** The pod that was reached into. */
    readonly targetNamespace: string
    readonly target: string
    /** Empty when the request named none. */
    readonly container: string
    /** Of an exec; may be shortened, as the decision's record says. */
    readonly command: readonly string[]
    readonly terminal: boolean
    readonly ports: readonly number[]
    /** As the sidecar and the API server agreed on it. */
    readonly protocol: string
    /** What is recorded. */
    readonly level: 'output' | 'all'
    /** Of a session that was recorded elsewhere: then there is no pod, no root requester and no target. */
    readonly imported?: SessionImportObject
  }
  readonly status: {
    readonly phase: 'Live' | 'Ended'
    readonly beganAt: string
    readonly endedAt?: string
    readonly ending?: SessionEnding | 'imported'
    /** Why it ended, for people; absent when there is nothing to add. */
    readonly reason?: string
    /** Until its last event; a live one may have more that has no segment yet. */
    readonly durationMs: number
    readonly bytes: number
    readonly storedBytes: number
    /** SHA-256 of the compressed segments, in hexadecimal. */
    readonly digests: readonly string[]
    readonly reviewedBy?: string
    readonly reviewedAt?: string
    /** Who read it. */
    readonly readers: readonly SessionReaderObject[]
  }
}

/** What a line of a recording is, before its events. */
export interface RecordingHeaderLine {
  readonly version: 1
  readonly session: SessionObject
}

/** The last line of a recording that has ended. */
export interface RecordingEndLine {
  readonly ending: SessionEnding
  readonly reason: string
}
