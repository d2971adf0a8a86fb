import type { Framing } from './body-framing.ts'
import { ChunkedReader, type OnBodyBytes } from './chunked-reader.ts'

/**
 * Reads the bytes of one body off a connection, and no byte behind it: what those are (the next
 * message, or a violation) is for the owner of the connection to say.
 */
export class BodyReader {
  readonly #kind: Framing['kind']
  /** Bytes of a counted body that have not come. */
  #left: number
  readonly #chunked: ChunkedReader | undefined
  #hasEnded = false

  constructor(framing: Framing) {
    this.#kind = framing.kind
    this.#left = framing.kind === 'length' ? framing.bytes : 0
    this.#chunked = framing.kind === 'chunked' ? new ChunkedReader() : undefined
  }

  /** Whether the whole body was read. A body until the end of the connection is done only with that. */
  get isDone(): boolean {
    if (this.#chunked !== undefined) return this.#chunked.isDone
    return this.#kind === 'until close' ? this.#hasEnded : this.#left === 0
  }

  /**
   * Hands the body's part of `bytes` to `onData` and returns how many bytes it took, which are fewer
   * than all only when the body is done. Throws `MalformedMessage` for chunks that are not plain.
   */
  read(bytes: Buffer, onData: OnBodyBytes): number {
    if (this.#chunked !== undefined) return this.#chunked.read(bytes, onData)
    if (this.#kind !== 'until close') return this.#readCounted(bytes, onData)
    if (bytes.length > 0) onData(bytes)
    return bytes.length
  }

  #readCounted(bytes: Buffer, onData: OnBodyBytes): number {
    const taken = Math.min(this.#left, bytes.length)
    this.#left -= taken
    if (taken > 0) onData(taken === bytes.length ? bytes : bytes.subarray(0, taken))
    return taken
  }

  /** The connection has no more bytes: whether the body is whole. */
  endOfInput(): boolean {
    this.#hasEnded = true
    return this.isDone
  }
}
