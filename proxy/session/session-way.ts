import { Duplex } from 'node:stream'

type Done = (error?: Error | null) => void

/** What is done with the bytes of one way. */
export interface WayStages {
  /** Resolves when more may pass; undefined when it may pass now. */
  readonly room: () => Promise<void> | undefined
  /** Reads a piece before it passes; false when it must not, and nothing after it. */
  readonly read: (piece: Buffer) => boolean
  /** A piece that was read has been passed on. */
  readonly pushed?: () => void
  /** All pieces of this turn have, and nothing else has happened meanwhile. */
  readonly passed: () => void
  /** The sender has ended. */
  readonly ended: () => void
}

/** Taken in before there was time to pass it; with it one chunk of a record is full. */
const TOGETHER_BYTES = 96 * 1024
/** What is smaller is a keystroke or a line, which somebody waits for. */
const SMALL_BYTES = 4 * 1024

/**
 * One way of a tunnel. A small piece passes immediately. Of a stream that pours, the pieces of one turn of the event
 * loop are read together, since each record of them costs as much as a hundred times the bytes.
 */
export class SessionWay extends Duplex {
  readonly #stages: WayStages
  #pieces: Buffer[] = []
  #bytes = 0
  /** Of the writer, who waits because enough was taken in. */
  #done: Done | undefined
  /** Of the end, which comes after all pieces. */
  #ended: Done | undefined
  /** A turn of the loop, or room, is waited for. */
  #isWaiting = false
  /** The reader takes no more for now. */
  #isFull = false

  constructor(stages: WayStages) {
    super({ readableHighWaterMark: TOGETHER_BYTES, writableHighWaterMark: TOGETHER_BYTES })
    this.#stages = stages
  }

  override _write(piece: Buffer, _encoding: BufferEncoding, done: Done): void {
    const isLone = this.#pieces.length === 0 && piece.length <= SMALL_BYTES
    this.#pieces.push(piece)
    this.#bytes += piece.length
    if (this.#bytes < TOGETHER_BYTES) done()
    else this.#done = done
    if (isLone) this.#pass()
    else this.#passSoon()
  }

  override _read(): void {
    this.#isFull = false
    this.#passSoon()
  }

  override _final(done: Done): void {
    this.#ended = done
    this.#pass()
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#pieces = []
    done(error)
  }

  #passSoon(): void {
    if (this.#isWaiting) return
    if (this.#pieces.length === 0 && this.#ended === undefined) return
    this.#isWaiting = true
    setImmediate(() => this.#resume())
  }

  #resume(): void {
    this.#isWaiting = false
    this.#pass()
  }

  #pass(): void {
    if (this.#isWaiting || this.destroyed) return
    if (this.#pieces.length > 0) {
      if (this.#isFull) return
      const room = this.#stages.room()
      if (room !== undefined) {
        this.#isWaiting = true
        void room.then(() => this.#resume())
        return
      }
      this.#passAll()
    }
    this.#release()
  }

  #passAll(): void {
    const pieces = this.#pieces
    this.#pieces = []
    this.#bytes = 0
    for (const piece of pieces) {
      if (!this.#stages.read(piece)) break
      this.#isFull = !this.push(piece)
      this.#stages.pushed?.()
    }
    this.#stages.passed()
  }

  #release(): void {
    const done = this.#done
    this.#done = undefined
    done?.()
    if (this.#pieces.length > 0 || this.#ended === undefined) return
    const ended = this.#ended
    this.#ended = undefined
    this.#stages.ended()
    this.push(null)
    ended()
  }
}
