import { Unreadable } from './unreadable.ts'

/** What a reader of WebSocket frames tells, in the order of the bytes. */
export interface WebSocketSink {
  /** A message begins. */
  onMessage(): void
  /** Bytes of the message that began last, unmasked. They are the reader's own: whoever keeps them copies them. */
  onPiece(bytes: Buffer): void
  /** The message that began last is whole. */
  onMessageEnd(): void
  /** A close, ping or pong is whole. */
  onControl?(opcode: number, payload: Buffer): void
}

export interface WebSocketSide {
  /** Whether frames are masked, as those of a client must be, and as those of a server must not. */
  readonly masked: boolean
  /**
   * Whether a message may come in several frames. kube-apiserver and the kubelet (golang.org/x/net/websocket v0.43,
   * hybi.go) read each frame of a client as a message of its own, where a client means the rest of one.
   */
  readonly fragments: boolean
}

const CONTINUATION = 0x0
const DATA_OPCODES: ReadonlySet<number> = new Set([CONTINUATION, 0x1, 0x2])
/** Close, ping, pong. */
const CONTROL_OPCODES: ReadonlySet<number> = new Set([0x8, 0x9, 0xa])
const CONTROL_LENGTH_MAX = 125
/** Two bytes, a length of eight, a mask of four. */
const HEAD_BYTES_MAX = 14

/**
 * Reads the frames of one side of a WebSocket as they come, in pieces of any size, and keeps none of them. Source:
 * RFC 6455, section 5. Extensions were not negotiated, so that a reserved bit means nothing.
 */
export class WebSocketReader {
  readonly #side: WebSocketSide
  readonly #sink: WebSocketSink
  readonly #head = Buffer.alloc(HEAD_BYTES_MAX)
  #headBytes = 0
  /** Bytes of the payload that are still to come. */
  #left = 0
  #inPayload = false
  #isControl = false
  #isLast = false
  #inMessage = false
  /** Pieces of a control frame. */
  #control: Buffer[] = []
  /** Where the mask stands in the head; 0 without one. */
  #maskAt = 0
  #maskTurn = 0

  constructor(side: WebSocketSide, sink: WebSocketSink) {
    this.#side = side
    this.#sink = sink
  }

  /** Whether another frame could stand here, and another message. */
  get isBetweenMessages(): boolean {
    return this.#headBytes === 0 && !this.#inMessage
  }

  /** Reads what came next. Throws `Unreadable`; then nothing more may be pushed. */
  push(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#inPayload) {
        const end = Math.min(chunk.length, at + this.#left)
        this.#readPayload(chunk.subarray(at, end))
        at = end
      } else {
        this.#head[this.#headBytes] = chunk[at] ?? 0
        this.#headBytes += 1
        at += 1
        if (this.#headBytes >= 2 && this.#headBytes === this.#headLength()) this.#begin()
      }
    }
  }

  #headLength(): number {
    const length = (this.#head[1] ?? 0) & 0x7f
    const mask = ((this.#head[1] ?? 0) & 0x80) === 0 ? 0 : 4
    if (length < 126) return 2 + mask
    return 2 + mask + (length === 126 ? 2 : 8)
  }

  #begin(): void {
    const [first = 0, second = 0] = this.#head
    const opcode = first & 0x0f
    this.#isLast = (first & 0x80) !== 0
    this.#isControl = CONTROL_OPCODES.has(opcode)
    if ((first & 0x70) !== 0) throw new Unreadable('a WebSocket frame with a reserved bit set')
    if (!this.#isControl && !DATA_OPCODES.has(opcode)) {
      throw new Unreadable(`a WebSocket frame of the unknown kind ${opcode}`)
    }
    const masked = (second & 0x80) !== 0
    if (masked !== this.#side.masked) {
      throw new Unreadable(`a WebSocket frame that is ${masked ? '' : 'not '}masked`)
    }
    this.#left = this.#payloadLength()
    if (this.#isControl) this.#checkControl()
    else this.#beginData(opcode)
    this.#maskAt = masked ? this.#headBytes - 4 : 0
    this.#maskTurn = 0
    this.#inPayload = true
    if (this.#left === 0) this.#endFrame()
  }

  #payloadLength(): number {
    const length = (this.#head[1] ?? 0) & 0x7f
    if (length < 126) return length
    if (length === 126) return this.#head.readUInt16BE(2)
    const long = this.#head.readBigUInt64BE(2)
    if (long > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new Unreadable('a WebSocket frame of impossible length')
    }
    return Number(long)
  }

  #checkControl(): void {
    if (!this.#isLast) throw new Unreadable('a WebSocket control frame in several parts')
    if (this.#left > CONTROL_LENGTH_MAX) {
      throw new Unreadable('a WebSocket control frame of over 125 bytes')
    }
  }

  #beginData(opcode: number): void {
    const continues = opcode === CONTINUATION
    if (continues !== this.#inMessage) {
      throw new Unreadable(
        continues
          ? 'a WebSocket frame that continues no message'
          : 'a WebSocket message inside another message',
      )
    }
    if (!this.#isLast && !this.#side.fragments) {
      throw new Unreadable(
        'a WebSocket message in several frames, each of which Kubernetes reads as a message of its own; send each message in one frame',
      )
    }
    if (continues) return
    this.#inMessage = true
    this.#sink.onMessage()
  }

  #readPayload(bytes: Buffer): void {
    this.#left -= bytes.length
    const plain = this.#maskAt === 0 ? bytes : this.#unmask(bytes)
    if (this.#isControl) this.#control.push(Buffer.from(plain))
    else this.#sink.onPiece(plain)
    if (this.#left === 0) this.#endFrame()
  }

  #endFrame(): void {
    this.#inPayload = false
    this.#headBytes = 0
    if (this.#isControl) {
      this.#sink.onControl?.((this.#head[0] ?? 0) & 0x0f, Buffer.concat(this.#control))
      this.#control = []
      return
    }
    if (!this.#isLast) return
    this.#inMessage = false
    this.#sink.onMessageEnd()
  }

  #unmask(bytes: Buffer): Buffer {
    const plain = Buffer.allocUnsafe(bytes.length)
    const mask = this.#head.subarray(this.#maskAt, this.#maskAt + 4)
    for (let index = 0; index < bytes.length; index += 1) {
      plain[index] = (bytes[index] ?? 0) ^ (mask[(this.#maskTurn + index) & 3] ?? 0)
    }
    this.#maskTurn = (this.#maskTurn + bytes.length) & 3
    return plain
  }
}
