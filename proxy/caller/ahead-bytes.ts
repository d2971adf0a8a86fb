/** What is kept of bytes that come before their time; with more, no more should be read. */
const MUCH_BYTES = 64 * 1_024
const NOTHING = Buffer.alloc(0)
const HALF_LINE = Buffer.from('\r')
const CR = 0x0d
const LF = 0x0a

/** Bytes of a connection whose time has not come. */
export class AheadBytes {
  #chunks: Buffer[] = []
  #bytes = 0

  get isMuch(): boolean {
    return this.#bytes > MUCH_BYTES
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
  }

  /** All of them, in order; they are kept no longer. */
  take(): Buffer {
    const chunks = this.#chunks
    if (chunks.length === 0) return NOTHING
    this.#chunks = []
    this.#bytes = 0
    const [first = NOTHING] = chunks
    return chunks.length === 1 ? first : Buffer.concat(chunks)
  }
}

/** Skips empty lines before a head: some clients send one behind a body. Source: RFC 9112, section 2.2. */
export class BlankLines {
  /** The CR of such a line has come. */
  #hasHalfLine = false

  /** The bytes without the empty lines that they begin with. */
  skip(chunk: Buffer): Buffer {
    // Half an empty line is none: with what follows it is refused as a head.
    if (this.#hasHalfLine && chunk[0] !== LF) return Buffer.concat([HALF_LINE, chunk])
    let from = this.#hasHalfLine ? 1 : 0
    while (chunk[from] === CR && chunk[from + 1] === LF) from += 2
    this.#hasHalfLine = from === chunk.length - 1 && chunk[from] === CR
    return this.#hasHalfLine ? NOTHING : chunk.subarray(from)
  }
}
