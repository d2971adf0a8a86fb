import { HeaderInflater } from './header-inflater.ts'
import { parseSpdyHeaders } from './spdy-headers.ts'
import { Unreadable } from './unreadable.ts'

/** What a reader of SPDY frames tells, in the order of the bytes. */
export interface SpdySink {
  onStream(id: number, headers: ReadonlyMap<string, string>): void
  /** Bytes of a stream; never none. They are the reader's own: whoever keeps them copies them. */
  onStreamData(id: number, bytes: Buffer): void
  /** The sender will send no more on the stream; `byData`: a frame of data says so. */
  onStreamEnd(id: number, byData: boolean): void
  /** The stream is over, both ways. */
  onReset(id: number): void
  /** A control frame is whole, as it came; before it is told what it says. */
  onControl?(frame: Buffer): void
}

const SYN_STREAM = 1
const SYN_REPLY = 2
const RST_STREAM = 3
const SETTINGS = 4
const PING = 6
const GOAWAY = 7
const HEADERS = 8
const WINDOW_UPDATE = 9

/** Length of a frame's payload where only one is possible; spdystream reads that many bytes whatever the frame says. */
const LENGTHS: ReadonlyMap<number, number> = new Map([
  [RST_STREAM, 8],
  [PING, 4],
  [GOAWAY, 8],
  [WINDOW_UPDATE, 8],
])
/** What stands before the compressed headers. */
const BEFORE_HEADERS: ReadonlyMap<number, number> = new Map([
  [SYN_STREAM, 10],
  [SYN_REPLY, 4],
  [HEADERS, 4],
])
const FRAME_HEAD_BYTES = 8
/** Of a control frame, which is read whole. Those of Kubernetes have some hundred bytes. */
const CONTROL_BYTES_MAX = 16 * 1024
const VERSION = 3
const FIN = 0x01
const UNIDIRECTIONAL = 0x02

/**
 * Reads the frames of one side of a SPDY/3.1 connection as they come, in pieces of any size. Data passes in pieces; a
 * control frame is kept until it is whole. Takes what moby/spdystream v0.5.0, which Kubernetes uses at both ends, reads
 * in one way, and refuses the rest.
 */
export class SpdyReader {
  readonly #sink: SpdySink
  readonly #inflater = new HeaderInflater()
  readonly #head = Buffer.alloc(FRAME_HEAD_BYTES)
  #headBytes = 0
  /** Bytes of the payload that are still to come. */
  #left = 0
  #control: Buffer | undefined

  constructor(sink: SpdySink) {
    this.#sink = sink
  }

  /** Whether another frame could stand here. */
  get isBetweenFrames(): boolean {
    return this.#headBytes === 0
  }

  /** Reads what came next. Throws `Unreadable`; then nothing more may be pushed. */
  push(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#headBytes < FRAME_HEAD_BYTES) {
        this.#head[this.#headBytes] = chunk[at] ?? 0
        this.#headBytes += 1
        at += 1
        if (this.#headBytes === FRAME_HEAD_BYTES) this.#begin()
      } else {
        const end = Math.min(chunk.length, at + this.#left)
        this.#readPayload(chunk.subarray(at, end))
        at = end
      }
    }
  }

  get #flags(): number {
    return this.#head[4] ?? 0
  }

  get #isControl(): boolean {
    return ((this.#head[0] ?? 0) & 0x80) !== 0
  }

  #begin(): void {
    this.#left = this.#head.readUIntBE(5, 3)
    if (this.#isControl) this.#beginControl()
    else {
      if (this.#head.readUInt32BE(0) === 0) throw new Unreadable('SPDY data of the stream 0')
      if ((this.#flags & ~FIN) !== 0) throw new Unreadable('SPDY data with a reserved bit set')
    }
    if (this.#left === 0) this.#end()
  }

  #beginControl(): void {
    const version = this.#head.readUInt16BE(0) & 0x7fff
    const kind = this.#head.readUInt16BE(2)
    if (version !== VERSION) throw new Unreadable(`a SPDY frame of the version ${version}`)
    const length = LENGTHS.get(kind)
    const isKnown = length !== undefined || BEFORE_HEADERS.has(kind) || kind === SETTINGS
    if (!isKnown) throw new Unreadable(`a SPDY frame of the unknown kind ${kind}`)
    if (this.#left > CONTROL_BYTES_MAX) {
      throw new Unreadable('a SPDY control frame of over 16 KiB')
    }
    if (this.#left < (BEFORE_HEADERS.get(kind) ?? 0) || this.#left !== (length ?? this.#left)) {
      throw new Unreadable('a SPDY control frame of impossible length')
    }
    const flags = kind === SYN_STREAM ? FIN | UNIDIRECTIONAL : FIN
    const allowed = BEFORE_HEADERS.has(kind) || kind === SETTINGS ? flags : 0
    if ((this.#flags & ~allowed) !== 0) {
      throw new Unreadable('a SPDY control frame with a reserved bit set')
    }
    this.#control = Buffer.allocUnsafe(this.#left)
  }

  #readPayload(bytes: Buffer): void {
    const control = this.#control
    if (control === undefined) this.#sink.onStreamData(this.#head.readUInt32BE(0), bytes)
    else bytes.copy(control, control.length - this.#left)
    this.#left -= bytes.length
    if (this.#left === 0) this.#end()
  }

  #end(): void {
    const control = this.#control
    this.#control = undefined
    this.#headBytes = 0
    const isEnd = (this.#flags & FIN) !== 0
    if (control !== undefined) this.#endControl(this.#head.readUInt16BE(2), control, isEnd)
    else if (isEnd) this.#sink.onStreamEnd(this.#head.readUInt32BE(0), true)
  }

  #endControl(kind: number, payload: Buffer, isEnd: boolean): void {
    if (kind === SETTINGS) checkSettings(payload)
    this.#sink.onControl?.(Buffer.concat([this.#head, payload]))
    const before = BEFORE_HEADERS.get(kind)
    if (before === undefined && kind !== RST_STREAM) return
    const id = payload.readUInt32BE(0)
    if (id === 0 || id > 0x7fff_ffff) throw new Unreadable('a SPDY stream of impossible number')
    if (before !== undefined) {
      const headers = parseSpdyHeaders(this.#inflater.inflate(payload.subarray(before)))
      if (kind === SYN_STREAM) this.#sink.onStream(id, headers)
      if (isEnd) this.#sink.onStreamEnd(id, false)
    } else this.#sink.onReset(id)
  }
}

/** spdystream reads as many settings as the frame counts, whatever its length. */
function checkSettings(payload: Buffer): void {
  const count = payload.length < 4 ? -1 : payload.readUInt32BE(0)
  if (payload.length !== 4 + 8 * count) throw new Unreadable('SPDY settings of impossible length')
}
