import { MalformedMessage } from './malformed-message.ts'

/** The head of a message, and what came behind it. */
export interface HeadText {
  /** Start line and header lines as Latin-1, each with its CRLF, without the blank line. */
  readonly text: string
  /** No copy: bytes of the chunk that ended the head. */
  readonly rest: Buffer
}

const BLANK_LINE = Buffer.from('\r\n\r\n')
const NOTHING = Buffer.alloc(0)
const CR = 0x0d
const LF = 0x0a
/** A head that is sent in parts comes from a slow or a hostile peer; most are whole in one chunk. */
const ROOM_AT_FIRST = 1024

/**
 * Collects the bytes of a head until its blank line, one head after the other. Each byte is looked at
 * a fixed number of times, however small the chunks are; what is kept is copied, so that a chunk of one
 * byte costs one byte.
 */
export class HeadBytes {
  readonly #bytesMax: number
  #kept = NOTHING
  #length = 0

  /** `bytesMax` counts the blank line. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Bytes of a head that has not ended. */
  get length(): number {
    return this.#length
  }

  /**
   * The head once its blank line has come, undefined before; then the next head may begin. Throws
   * `MalformedMessage` for one that is too long, and for lines that end with LF alone, as soon as it
   * shows.
   */
  push(chunk: Buffer): HeadText | undefined {
    return this.#length === 0 ? this.#begin(chunk) : this.#goOn(chunk)
  }

  #begin(chunk: Buffer): HeadText | undefined {
    const end = chunk.indexOf(BLANK_LINE)
    if (end !== -1) {
      const length = end + BLANK_LINE.length
      this.#check(length)
      return { text: chunk.toString('latin1', 0, end + 2), rest: chunk.subarray(length) }
    }
    this.#keep(chunk)
    checkLineEnds(this.#kept, 0, this.#length)
    return undefined
  }

  #goOn(chunk: Buffer): HeadText | undefined {
    const before = this.#length
    // Of one chunk no more is kept than a head may have, so that its body is not copied too.
    const room = this.#bytesMax - before + 1
    this.#keep(chunk.length > room ? chunk.subarray(0, room) : chunk, true)
    const from = Math.max(0, before - BLANK_LINE.length + 1)
    const end = this.#kept.subarray(0, this.#length).indexOf(BLANK_LINE, from)
    if (end === -1) {
      this.#check(this.#length)
      checkLineEnds(this.#kept, before, this.#length)
      return undefined
    }
    const length = end + BLANK_LINE.length
    this.#check(length)
    const text = this.#kept.toString('latin1', 0, end + 2)
    this.#length = 0
    this.#kept = NOTHING
    return { text, rest: chunk.subarray(length - before) }
  }

  #check(length: number): void {
    if (length > this.#bytesMax) throw new MalformedMessage('the head is too long')
  }

  #keep(chunk: Buffer, isBounded = false): void {
    const length = this.#length + chunk.length
    if (!isBounded) this.#check(length)
    if (length > this.#kept.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(ROOM_AT_FIRST, 2 * length))
      this.#kept.copy(grown, 0, 0, this.#length)
      this.#kept = grown
    }
    chunk.copy(this.#kept, this.#length)
    this.#length = length
  }
}

/** Of a head whose lines end with LF no blank line would ever be found. */
function checkLineEnds(bytes: Buffer, from: number, to: number): void {
  const part = bytes.subarray(0, to)
  for (let at = part.indexOf(LF, from); at !== -1; at = part.indexOf(LF, at + 1)) {
    if (part[at - 1] !== CR) throw new MalformedMessage('a line does not end with CRLF')
  }
}
