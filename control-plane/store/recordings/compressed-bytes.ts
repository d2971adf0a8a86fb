import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { createZstdCompress } from 'node:zlib'

const PIECE_BYTES = 128 * 1024

/**
 * Bytes as one frame of Zstandard. They come in pieces that nobody needs for long: whole segments that stay in memory
 * until they are on disk make V8 collect all garbage, young and old, again and again.
 */
export class CompressedBytes {
  readonly #raw: Uint8Array
  readonly #hash = createHash('sha256')
  #length = 0

  /** `raw` must stay as it is until the last piece was taken. */
  constructor(raw: Uint8Array) {
    this.#raw = raw
  }

  /** The compressed bytes, in order; to be taken once, to the end. */
  async *pieces(): AsyncGenerator<Buffer> {
    const options = { chunkSize: PIECE_BYTES, pledgedSrcSize: this.#raw.length }
    const compressor = createZstdCompress(options)
    for await (const piece of Readable.from(piecesOf(this.#raw)).pipe(compressor)) {
      this.#length += piece.length
      this.#hash.update(piece)
      yield piece
    }
  }

  /** How many bytes the pieces had. */
  get length(): number {
    return this.#length
  }

  /** SHA-256 of the pieces; nothing may be taken afterwards. */
  digest(): Buffer {
    return this.#hash.digest()
  }
}

function* piecesOf(raw: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < raw.length; at += PIECE_BYTES) yield raw.subarray(at, at + PIECE_BYTES)
}
