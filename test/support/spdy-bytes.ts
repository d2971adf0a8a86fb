import { constants, createDeflate, type Deflate } from 'node:zlib'
import { SPDY_DICTIONARY } from '../../proxy/session/spdy-dictionary.ts'

/** A control frame of SPDY/3.1 as bytes. */
export function spdyControl(kind: number, payload: Buffer, flags = 0): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt16BE(0x8003, 0)
  head.writeUInt16BE(kind, 2)
  head[4] = flags
  head.writeUIntBE(payload.length, 5, 3)
  return Buffer.concat([head, payload])
}

/** A data frame of SPDY/3.1 as bytes; `flags` 1 is the stream's end. */
export function spdyData(id: number, text: Buffer | string, flags = 0): Buffer {
  const payload = Buffer.from(text)
  const head = Buffer.alloc(8)
  head.writeUInt32BE(id, 0)
  head[4] = flags
  head.writeUIntBE(payload.length, 5, 3)
  return Buffer.concat([head, payload])
}

/** Number as four bytes. */
export function word(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** Writes frames with headers, which share one compressed stream, as one end of a connection does. */
export class SpdyHeaders {
  readonly #deflate: Deflate
  readonly #out: Buffer[] = []

  constructor() {
    this.#deflate = createDeflate({ dictionary: SPDY_DICTIONARY })
    this.#deflate.on('data', (bytes: Buffer) => this.#out.push(bytes))
  }

  /** A block of headers, compressed. */
  async compress(block: Buffer): Promise<Buffer> {
    this.#deflate.write(block)
    await new Promise<void>((resolve) => {
      this.#deflate.flush(constants.Z_SYNC_FLUSH, () => setImmediate(resolve))
    })
    return Buffer.concat(this.#out.splice(0))
  }

  /** SYN_STREAM. */
  async open(id: number, headers: readonly (readonly [string, string])[]): Promise<Buffer> {
    const block = headerBlock(headers)
    const before = Buffer.concat([word(id), word(0), Buffer.from([0, 0])])
    return spdyControl(1, Buffer.concat([before, await this.compress(block)]))
  }

  /** SYN_REPLY without headers. */
  async reply(id: number): Promise<Buffer> {
    return spdyControl(2, Buffer.concat([word(id), await this.compress(headerBlock([]))]))
  }
}

/** Headers as SPDY writes them, before they are compressed. */
export function headerBlock(headers: readonly (readonly [string, string])[]): Buffer {
  const texts = headers.flat().flatMap((text) => [word(Buffer.byteLength(text)), Buffer.from(text)])
  return Buffer.concat([word(headers.length), ...texts])
}
