/** Bytes that came of sessions and are not on disk yet. */
export interface UnstoredBounds {
  /** Of one session: what waits together shares one sync of the disk. */
  readonly perSession: number
  /** Of all, of which the second half is for sessions of which nothing waits. */
  readonly all: number
}

const BOUNDS: UnstoredBounds = { perSession: 4 * 1_024 * 1_024, all: 64 * 1_024 * 1_024 }

/**
 * What waits for the disk, of all sessions together: while it is too much, nothing more is read of them, and flow control
 * makes their sidecars wait.
 */
export class UnstoredSessions {
  readonly #bounds: UnstoredBounds
  /** Those that want to read, in the order in which they began to wait. */
  readonly #waiting = new Set<SessionReads>()
  #bytes = 0

  constructor(bounds = BOUNDS) {
    this.#bounds = bounds
  }

  /** Of all sessions. */
  get bytes(): number {
    return this.#bytes
  }

  /** What one session reads; `close` it once it is over. */
  open(): SessionReads {
    return new SessionReads(this)
  }

  /** So much has come, or, below zero, is on disk. */
  count(bytes: number): void {
    this.#bytes += bytes
    if (bytes < 0) this.#wake()
  }

  /** Whether more may be read of a session. */
  hasRoom(ofSession: number): boolean {
    const { all, perSession } = this.#bounds
    const most = ofSession === 0 ? all : all / 2
    return ofSession < perSession && this.#bytes < most
  }

  wait(reads: SessionReads): void {
    this.#waiting.add(reads)
  }

  /** Waits no longer. */
  leave(reads: SessionReads): void {
    this.#waiting.delete(reads)
  }

  #wake(): void {
    for (const reads of [...this.#waiting]) reads.look()
  }
}

/** The reads of one session, each begun once there is room for what comes. */
export class SessionReads {
  readonly #all: UnstoredSessions
  #bytes = 0
  #wanted: (() => void) | undefined
  #isHeld = false
  #isOver = false

  constructor(all: UnstoredSessions) {
    this.#all = all
  }

  /** Begins a read now, or as soon as there is room. */
  want(read: () => void): void {
    this.#wanted = read
    this.look()
  }

  /** Begins none until `release`, whatever room there is. */
  hold(): void {
    this.#isHeld = true
  }

  release(): void {
    this.#isHeld = false
    this.look()
  }

  came(bytes: number): void {
    this.#bytes += bytes
    this.#all.count(bytes)
  }

  /** So much is on disk, or will never be. */
  stored(bytes: number): void {
    this.#bytes -= bytes
    this.#all.count(-bytes)
  }

  /** Begins the read that is wanted, if there is room. */
  look(): void {
    const read = this.#wanted
    if (read === undefined) return
    if (!this.#isOver && (this.#isHeld || !this.#all.hasRoom(this.#bytes))) {
      this.#all.wait(this)
      return
    }
    this.#all.leave(this)
    this.#wanted = undefined
    read()
  }

  /** From now on all is read, since nothing of it is kept. What came before is counted until it is stored. */
  close(): void {
    this.#isOver = true
    this.look()
  }
}
