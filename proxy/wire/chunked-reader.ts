import { HeadBytes } from './head-bytes.ts'
import { parseHeaderLines } from './header-lines.ts'
import { MalformedMessage } from './malformed-message.ts'

const CR = 0x0d
const LF = 0x0a
const SEMICOLON = 0x3b
/** As many as a number of 64 bits has. */
const SIZE_DIGITS_MAX = 16
/** Go takes lines of so many bytes. Source: maxLineLength in Go's net/http/internal/chunked.go. */
const EXTENSION_BYTES_MAX = 4_096
const TRAILER_BYTES_MAX = 16_384

/**
 * `chunk-ext` without the white space that RFC 9112 calls bad. Llhttp and Go take extensions, and
 * nothing that Kubernetes knows of means anything by them.
 */
const EXTENSIONS =
  /^(?:;[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:=(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+|"[\t\x20\x21\x23-\x5b\x5d-\x7e]*"))?)+$/

/** Fields that frame or direct a message have no place behind it. Source: RFC 9110, section 6.5.1. */
const FRAMING_FIELD = /^(?:content-length|transfer-encoding|host|trailer|connection|upgrade)$/i

/** Gets the bytes of a body, in order, without a copy. */
export type OnBodyBytes = (chunk: Buffer) => void

type ChunkPlace =
  | 'size'
  | 'extension'
  | 'end of the size'
  | 'data'
  | 'CR behind data'
  | 'LF behind data'
  | 'first trailer'
  | 'LF of the end'
  | 'trailers'
  | 'done'

/**
 * Reads a chunked body. Chunk sizes are hex digits and nothing else; extensions and trailers are
 * checked, bounded and dropped. Source: RFC 9112, section 7.1.
 */
export class ChunkedReader {
  #place: ChunkPlace = 'size'
  #digits = 0
  /** Size of the chunk, and then its bytes that have not come. */
  #left = 0
  #extension = ''
  #trailers: HeadBytes | undefined

  get isDone(): boolean {
    return this.#place === 'done'
  }

  /** Returns how many bytes belong to the body. Throws `MalformedMessage`. */
  read(bytes: Buffer, onData: OnBodyBytes): number {
    let at = 0
    while (at < bytes.length && this.#place !== 'done') {
      if (this.#place === 'data') at += this.#readData(bytes, at, onData)
      else if (this.#place === 'trailers') at += this.#readTrailers(bytes.subarray(at))
      else at += this.#readByte(bytes[at] ?? 0)
    }
    return at
  }

  #readData(bytes: Buffer, at: number, onData: OnBodyBytes): number {
    const taken = Math.min(this.#left, bytes.length - at)
    this.#left -= taken
    if (this.#left === 0) this.#place = 'CR behind data'
    onData(bytes.subarray(at, at + taken))
    return taken
  }

  /** Returns 1, or 0 when the byte belongs to what comes next. */
  #readByte(byte: number): 0 | 1 {
    switch (this.#place) {
      case 'size':
        this.#readSize(byte)
        return 1
      case 'extension':
        this.#readExtension(byte)
        return 1
      case 'end of the size':
        if (byte !== LF) throw new MalformedMessage('the chunk size is not a plain number')
        this.#place = this.#left === 0 ? 'first trailer' : 'data'
        this.#digits = 0
        return 1
      case 'CR behind data':
        if (byte !== CR) throw new MalformedMessage('the chunk does not end with CRLF')
        this.#place = 'LF behind data'
        return 1
      case 'LF behind data':
        if (byte !== LF) throw new MalformedMessage('the chunk does not end with CRLF')
        this.#place = 'size'
        return 1
      case 'first trailer':
        if (byte === CR) {
          this.#place = 'LF of the end'
          return 1
        }
        this.#place = 'trailers'
        return 0
      case 'LF of the end':
        if (byte !== LF) throw new MalformedMessage('a line does not end with CRLF')
        this.#place = 'done'
        return 1
      default:
        return 0
    }
  }

  #readSize(byte: number): void {
    const digit = hexDigit(byte)
    if (digit !== -1) {
      this.#digits++
      this.#left = this.#left * 16 + digit
      if (this.#digits <= SIZE_DIGITS_MAX && Number.isSafeInteger(this.#left)) return
    } else if (this.#digits > 0) {
      if (byte === CR) {
        this.#place = 'end of the size'
        return
      }
      if (byte === SEMICOLON) {
        this.#place = 'extension'
        this.#extension = ';'
        return
      }
    }
    throw new MalformedMessage('the chunk size is not a plain number')
  }

  #readExtension(byte: number): void {
    if (byte !== CR) {
      this.#extension += String.fromCharCode(byte)
      if (byte !== LF && this.#extension.length <= EXTENSION_BYTES_MAX) return
    } else if (EXTENSIONS.test(this.#extension)) {
      this.#extension = ''
      this.#place = 'end of the size'
      return
    }
    throw new MalformedMessage('the chunk extension is not plain')
  }

  #readTrailers(bytes: Buffer): number {
    this.#trailers ??= new HeadBytes(TRAILER_BYTES_MAX)
    const before = bytes.length
    const trailers = this.#trailers.push(bytes)
    if (trailers === undefined) return before
    const headers = parseHeaderLines(trailers.text, 0)
    if (headers.some((text, index) => index % 2 === 0 && FRAMING_FIELD.test(text))) {
      throw new MalformedMessage('the trailers frame a body')
    }
    this.#place = 'done'
    return before - trailers.rest.length
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}
