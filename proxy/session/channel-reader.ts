import { Unreadable } from './unreadable.ts'
import { WebSocketReader, type WebSocketSide, type WebSocketSink } from './websocket-reader.ts'

/** What a reader of channels tells, in the order of the bytes. */
export interface ChannelSink {
  /** Bytes of a channel; never none. They are the reader's own: whoever keeps them copies them. */
  onChannel(channel: number, bytes: Buffer): void
  /** A message of a channel is whole. */
  onChannelMessage(channel: number): void
  /** The sender says that it is done with a channel. */
  onChannelClosed(channel: number): void
  /** A close, ping or pong. */
  onControl?(opcode: number, payload: Buffer): void
}

/** How messages are written, by the name of the subprotocol. */
export interface ChannelCoding {
  readonly base64: boolean
  /** Whether channel 255 closes the channel that its message names. */
  readonly closes: boolean
}

const CLOSE = 255
const DIGIT_ZERO = 0x30
const BASE64_GROUP = 4
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/

/**
 * Reads the channels of one side of a WebSocket of the family `channel.k8s.io`: the first byte of a message names the
 * channel of the rest. Source: Kubernetes apimachinery/pkg/util/httpstream/wsstream/conn.go (v1.34).
 */
export class ChannelReader implements WebSocketSink {
  readonly #coding: ChannelCoding
  readonly #sink: ChannelSink
  readonly #frames: WebSocketReader
  /** Of the message that is being read; -1 before its first byte. */
  #channel = -1
  /** Of a closing message: how many bytes followed the first. */
  #closed = -1
  /** Digits of base64 that make no whole group yet. */
  #digits = ''
  #isPadded = false

  constructor(side: WebSocketSide, coding: ChannelCoding, sink: ChannelSink) {
    this.#coding = coding
    this.#sink = sink
    this.#frames = new WebSocketReader(side, this)
  }

  /** Whether another message could stand here. */
  get isBetweenMessages(): boolean {
    return this.#frames.isBetweenMessages
  }

  /** Reads what came next. Throws `Unreadable`; then nothing more may be pushed. */
  push(chunk: Buffer): void {
    this.#frames.push(chunk)
  }

  onControl(opcode: number, payload: Buffer): void {
    this.#sink.onControl?.(opcode, payload)
  }

  onMessage(): void {
    this.#channel = -1
    this.#closed = -1
    this.#digits = ''
    this.#isPadded = false
  }

  onPiece(bytes: Buffer): void {
    if (bytes.length === 0) return
    let rest = bytes
    if (this.#channel < 0) {
      this.#channel = (bytes[0] ?? 0) - (this.#coding.base64 ? DIGIT_ZERO : 0)
      if (this.#channel < 0) throw new Unreadable('a message of a channel without a number')
      rest = bytes.subarray(1)
    }
    if (rest.length === 0) return
    if (this.#coding.closes && this.#channel === CLOSE) this.#readClosing(rest)
    else if (this.#coding.base64) this.#readBase64(rest)
    else this.#sink.onChannel(this.#channel, rest)
  }

  #readClosing(bytes: Buffer): void {
    if (this.#closed >= 0 || bytes.length > 1) {
      throw new Unreadable('a close signal that does not name one channel')
    }
    this.#closed = bytes[0] ?? 0
  }

  #readBase64(bytes: Buffer): void {
    const digits = this.#digits + bytes.toString('latin1')
    const whole = digits.length - (digits.length % BASE64_GROUP)
    this.#digits = digits.slice(whole)
    if (whole === 0) return
    const groups = digits.slice(0, whole)
    // Padding ends a message: Go's decoder takes nothing after it.
    if (this.#isPadded || !BASE64.test(groups)) throw new Unreadable('a message that is no base64')
    this.#isPadded = groups.endsWith('=')
    this.#sink.onChannel(this.#channel, Buffer.from(groups, 'base64'))
  }

  onMessageEnd(): void {
    if (this.#digits !== '') throw new Unreadable('a message that is no base64')
    // Kubernetes ignores a message without a byte.
    if (this.#channel < 0) return
    if (!this.#coding.closes || this.#channel !== CLOSE) {
      this.#sink.onChannelMessage(this.#channel)
      return
    }
    if (this.#closed < 0) throw new Unreadable('a close signal that does not name one channel')
    this.#sink.onChannelClosed(this.#closed)
  }
}
