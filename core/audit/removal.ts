/** Why decisions went. */
export type RemovalReason = 'age' | 'size' | 'space'

/** Decisions that went for good, with all that was recorded about them. */
export interface Removal {
  readonly removedAtMs: number
  readonly reason: RemovalReason
  /** Sequences of the first and the last decision; all between them went too. */
  readonly firstSequence: number
  readonly lastSequence: number
  readonly firstId: string
  readonly lastId: string
  readonly firstDecidedAtMs: number
  readonly lastDecidedAtMs: number
  readonly decisions: number
  /** Decisions and what was recorded about them later. */
  readonly records: number
  /** Recordings of sessions that went with them; absent when none did. */
  readonly recordings?: number
  /** SHA-256, in hexadecimal, of the bytes of these records, in the order of their sequences. */
  readonly sha256: string
}
