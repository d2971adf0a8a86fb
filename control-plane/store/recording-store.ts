import type { RecordingLevel, SessionEnding } from '../../core/recording/session-event.ts'
import type { SessionImport } from '../../core/recording/session-import.ts'

/** What is known of a recording when it begins. */
export interface NewRecording {
  /** Of the decision that asked for it. */
  readonly id: string
  /** Place of that decision in the log. */
  readonly decisionSequence: number
  readonly podUid: string
  /** Of the calling pod. */
  readonly namespace: string
  readonly pod: string
  readonly rootRequester: string
  /** As the sidecar says it. */
  readonly protocol: string
  readonly level: Exclude<RecordingLevel, 'none'>
  readonly beganAtMs: number
}

/** How a session ended. */
export interface RecordingEnd {
  readonly ending: SessionEnding
  /** For people; empty when there is nothing to add. */
  readonly reason: string
  readonly endedAtMs: number
}

/** Somebody who read a recording. */
export interface RecordingReader {
  readonly username: string
  readonly firstAtMs: number
  readonly lastAtMs: number
  readonly reads: number
}

/** Who did something about a recording, and when. */
export interface RecordingMark {
  readonly username: string
  readonly atMs: number
}

/** One recording, as far as it is on disk. */
export interface Recording extends NewRecording {
  /** Of the newest change of it. */
  readonly revision: number
  readonly end?: RecordingEnd
  /** How many chunks. */
  readonly chunks: number
  /** Of the last event, in microseconds since the session began. */
  readonly durationUs: number
  /** Of the chunks, and of what they take on the volume once they are compressed. */
  readonly rawBytes: number
  readonly storedBytes: number
  readonly reviewed?: RecordingMark
  /** Who read it, in the order of their names. */
  readonly readers: readonly RecordingReader[]
  /** SHA-256 of the compressed segments, in hexadecimal, in their order. */
  readonly digests: readonly string[]
  /** Of a session that was recorded elsewhere: it has no decision, no pod and no root requester. */
  readonly imported?: SessionImport
}

/** A session that was recorded elsewhere, while it is read. */
export interface ImportedSession {
  readonly id: string
  /** In order. Throws what is wrong with the file. */
  readonly chunks: AsyncIterable<StoredChunk>
  /** What is known once all chunks were read. */
  readonly summary: () => {
    readonly imported: SessionImport
    readonly level: Exclude<RecordingLevel, 'none'>
  }
}

/** Part of a session: the bytes of a lanyard.v1.SessionChunk. */
export interface StoredChunk {
  /** From 1, without a gap. */
  readonly number: number
  /** Of its last event, in microseconds since the session began. */
  readonly lastUs: number
  readonly bytes: Uint8Array
}

export interface RecordingFilter {
  readonly namespace?: string
  readonly pod?: string
  readonly rootRequester?: string
  /** Only those that have not ended, or only those that have. */
  readonly live?: boolean
}

/** A recording that somebody deleted. */
export interface RecordingDeletion extends RecordingMark {
  readonly id: string
}

/** What changed; `id` of a recording that is gone has nothing else. */
export interface RecordingChange {
  readonly revision: number
  readonly id: string
  /** As it was before it went. */
  readonly gone?: Recording
}

/** How much room recordings take, in bytes. */
export interface RecordingSize {
  readonly bytes: number
  readonly open: number
  /** Files that the database does not list, such as after the restore of an older one. */
  readonly unlistedFiles: number
  readonly unlistedBytes: number
}

/** Recordings that people can read. */
export interface RecordingTotals {
  readonly count: number
  readonly imported: number
  readonly oldestBeganAtMs?: number
}

/** Some segments that were compared with their digests on record. */
export interface SegmentLook {
  readonly segments: number
  readonly bytes: number
  /** How many there are. */
  readonly of: number
  /** Ids of sessions with a segment that is not as it was written, or is not there. */
  readonly damaged: readonly string[]
}

/** Recordings of tunnels. Every method may throw `audit_unavailable`. */
export interface RecordingStore {
  /**
   * Resolves once it is on disk that the recording began. Throws `binding_conflict` when there is, or was, one of
   * this decision.
   */
  begin(recording: NewRecording): Promise<void>
  /**
   * Resolves once the chunk is on disk, with all before it. Throws `request_invalid` for a number that is not the
   * next, and `not_found` for a recording that is not open.
   */
  append(id: string, chunk: StoredChunk): Promise<void>
  /** Resolves once it is on disk how the session ended; the first end stays. */
  end(id: string, end: RecordingEnd): Promise<void>
  /**
   * Keeps a session that was recorded elsewhere. Resolves once all of it is on disk and the import is on record.
   * Throws what its chunks throw, `binding_conflict` with the id of the session when the same file was imported into
   * the same namespace and is there, and `audit_unavailable`; then nothing of it is kept.
   */
  import(session: ImportedSession): Promise<Recording>
  get(id: string): Promise<Recording | undefined>
  /** In the order of their decisions and imports, at most `limit` after the decision at `afterSequence`. */
  list(filter: RecordingFilter, afterSequence: number, limit: number): Promise<readonly Recording[]>
  /** The chunks after number `after` that are on disk by now. Throws when a segment is damaged. */
  read(id: string, after: number): AsyncIterable<StoredChunk>
  /** Resolves once it is on record that somebody reads it. */
  noteReader(id: string, reader: RecordingMark): Promise<void>
  /** Marks it as reviewed; the newest mark stays. */
  review(id: string, reviewer: RecordingMark): Promise<void>
  /**
   * Removes what was recorded, and keeps on record who removed it. Throws `binding_conflict` while it is open and
   * `not_found` when there is none.
   */
  remove(id: string, remover: RecordingMark): Promise<void>
  /** Who deleted which, newest first; at most `limit`. */
  deletions(limit: number): Promise<readonly RecordingDeletion[]>
  /** Takes recordings away whose decisions were removed, and tells those who watch. */
  sweep(): Promise<void>
  /** Removes unlisted files, the oldest first, until so many bytes of them are gone or none is left. */
  dropUnlisted(bytes: number): Promise<void>
  totals(): RecordingTotals
  /** Compares some segments with their digests; each look goes on where the last one ended. */
  verify(segmentsMax: number): Promise<SegmentLook>
  /** Highest revision. */
  revision(): number
  /** Up to which revision changes are no longer known. */
  forgottenUntil(): number
  /** What changed after a revision; undefined when that is no longer known. */
  changesAfter(revision: number): readonly RecordingChange[] | undefined
  /** Calls back after a change, and after each chunk; returns the way to stop. */
  onChange(listener: () => void): () => void
  size(): RecordingSize
  /** Ends what is open as interrupted, and closes the files. */
  close(): Promise<void>
}
