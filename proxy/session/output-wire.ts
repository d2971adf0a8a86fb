import { type ChannelCoding, ChannelReader } from './channel-reader.ts'
import { lastSpdyData, spdyData } from './spdy-frame.ts'
import { SpdyReader } from './spdy-reader.ts'
import { Unreadable } from './unreadable.ts'
import { binaryMessage, serverFrame, textMessage } from './websocket-frame.ts'

/**
 * What the API server sent of an exec or attach, in its order: a frame that passes as it is, a frame that nothing may
 * come after, output of a stream, its end with the frame that says so, or all that was said of how the command ended.
 */
export type OutputPart =
  | { readonly frame: Buffer; readonly isLast: boolean }
  | { readonly stream: number; readonly output: Buffer }
  | { readonly stream: number; readonly ending: Buffer }
  | { readonly stream: number; readonly error: Buffer }

/** The frames of the API server's side of an exec or attach, and how frames are made of its output. */
export interface OutputWire {
  /** What the caller says, which may name the streams. Throws `Unreadable`. */
  fromCaller(chunk: Buffer): void
  /** What these bytes of the API server say. Throws `Unreadable`. */
  fromServer(chunk: Buffer): readonly OutputPart[]
  /** What is left when the API server has ended. */
  end(): readonly OutputPart[]
  /** A frame with output, of at most `FRAME_BYTES_MAX`. */
  frame(stream: number, output: Buffer): Buffer
  /** Frames that say how the command ended. */
  errorFrame(stream: number, error: Buffer): Buffer
}

/** Of output in one frame. */
export const FRAME_BYTES_MAX = 32 * 1_024
/** Of what is said of how a command ended: a `Status` has some hundred bytes. */
const ERROR_BYTES_MAX = 32 * 1_024

/** Keeps what is said of how a command ended until it is whole. */
class ErrorText {
  #parts: Buffer[] = []
  #bytes = 0

  get isEmpty(): boolean {
    return this.#parts.length === 0
  }

  add(bytes: Buffer): void {
    this.#bytes += bytes.length
    if (this.#bytes > ERROR_BYTES_MAX)
      throw new Unreadable('over 32 KiB that say how the command ended')
    this.#parts.push(Buffer.from(bytes))
  }

  take(): Buffer {
    const all = Buffer.concat(this.#parts)
    this.#parts = []
    this.#bytes = 0
    return all
  }
}

/** Channels. Source: apimachinery/pkg/util/remotecommand/constants.go (v1.34). */
const STDOUT = 1
const STDERR = 2
const ERROR = 3
const CLOSE_CHANNEL = 255
const DIGIT_ZERO = 0x30
const CLOSE_OPCODE = 8

/** An exec or attach over the channels of a WebSocket. */
export class WebSocketOutput implements OutputWire {
  readonly #coding: ChannelCoding
  readonly #reader: ChannelReader
  readonly #error = new ErrorText()
  #parts: OutputPart[] = []
  /** Whether the message that is being read has said anything yet. */
  #isEmpty = true

  constructor(coding: ChannelCoding) {
    this.#coding = coding
    this.#reader = new ChannelReader({ masked: false, fragments: true }, coding, {
      onChannel: (channel, bytes) => this.#read(channel, bytes),
      onChannelMessage: (channel) => this.#endMessage(channel),
      onChannelClosed: (channel) => {
        const ending = binaryMessage(Buffer.from([CLOSE_CHANNEL, channel]))
        this.#parts.push({ stream: channel, ending })
      },
      onControl: (opcode, payload) => {
        const isLast = opcode === CLOSE_OPCODE
        this.#parts.push({ frame: serverFrame(opcode, payload), isLast })
      },
    })
  }

  fromCaller(): void {
    // Channels have the same numbers everywhere.
  }

  fromServer(chunk: Buffer): readonly OutputPart[] {
    this.#parts = []
    this.#reader.push(chunk)
    return this.#parts
  }

  end(): readonly OutputPart[] {
    return this.#error.isEmpty ? [] : [{ stream: ERROR, error: this.#error.take() }]
  }

  frame(stream: number, output: Buffer): Buffer {
    return this.#message(stream, output)
  }

  errorFrame(stream: number, error: Buffer): Buffer {
    return this.#message(stream, error)
  }

  #read(channel: number, bytes: Buffer): void {
    this.#isEmpty = false
    if (channel === STDOUT || channel === STDERR)
      this.#parts.push({ stream: channel, output: bytes })
    else if (channel === ERROR) this.#error.add(bytes)
    else throw new Unreadable(`a message on the channel ${channel}, which carries nothing this way`)
  }

  #endMessage(channel: number): void {
    const isEmpty = this.#isEmpty
    this.#isEmpty = true
    // The first message of the API server is empty, and says that the streams are there.
    if (isEmpty) {
      this.#parts.push({ frame: this.#message(channel, Buffer.alloc(0)), isLast: false })
    } else if (channel === ERROR) {
      this.#parts.push({ stream: ERROR, error: this.#error.take() })
    }
  }

  #message(channel: number, bytes: Buffer): Buffer {
    return this.#coding.base64
      ? textMessage(String.fromCharCode(DIGIT_ZERO + channel) + bytes.toString('base64'))
      : binaryMessage(Buffer.concat([Buffer.from([channel]), bytes]))
  }
}

/** More than the five of an exec. */
const STREAMS_MAX = 16
const RST_STREAM = 3
const HEADERS = 8
/** Where the payload of a control frame names its stream. */
const STREAM_AT = 8

/** An exec or attach over the streams of a SPDY connection. */
export class SpdyOutput implements OutputWire {
  readonly #caller: SpdyReader
  readonly #server: SpdyReader
  readonly #types = new Map<number, string>()
  readonly #error = new ErrorText()
  #errorStream = 0
  #parts: OutputPart[] = []

  constructor() {
    this.#caller = new SpdyReader({
      onStream: (id, headers) => this.#open(id, headers.get('streamtype') ?? ''),
      ...{ onStreamData: ignore, onStreamEnd: ignore, onReset: ignore },
    })
    this.#server = new SpdyReader({
      onControl: (frame) => this.#control(frame),
      onStream: () => {
        throw new Unreadable('a SPDY stream that the API server opens')
      },
      onStreamData: (id, bytes) => this.#read(id, bytes),
      onStreamEnd: (id, byData) => {
        if (byData) this.#endBy(id, lastSpdyData(id, Buffer.alloc(0)))
      },
      onReset: ignore,
    })
  }

  fromCaller(chunk: Buffer): void {
    this.#caller.push(chunk)
  }

  fromServer(chunk: Buffer): readonly OutputPart[] {
    this.#parts = []
    this.#server.push(chunk)
    return this.#parts
  }

  end(): readonly OutputPart[] {
    if (this.#error.isEmpty) return []
    // Its end did not come, and does not.
    const error = this.#error.take()
    return [{ stream: this.#errorStream, error }]
  }

  frame(stream: number, output: Buffer): Buffer {
    return spdyData(stream, output)
  }

  errorFrame(stream: number, error: Buffer): Buffer {
    return spdyData(stream, error)
  }

  /** A stream may end by a control frame, before which what was kept back of it goes on. */
  #control(frame: Buffer): void {
    const kind = frame.readUInt16BE(2)
    if (kind !== RST_STREAM && kind !== HEADERS) this.#parts.push({ frame, isLast: false })
    else this.#endBy(frame.readUInt32BE(STREAM_AT), frame)
  }

  #open(id: number, type: string): void {
    if (this.#types.has(id)) throw new Unreadable('a SPDY stream that is open already')
    if (this.#types.size >= STREAMS_MAX) throw new Unreadable(`over ${STREAMS_MAX} SPDY streams`)
    this.#types.set(id, type)
  }

  #read(id: number, bytes: Buffer): void {
    const type = this.#types.get(id)
    if (type === 'stdout' || type === 'stderr') this.#parts.push({ stream: id, output: bytes })
    else if (type === 'error') {
      this.#errorStream = id
      this.#error.add(bytes)
    } else throw new Unreadable('data on a SPDY stream that carries none this way')
  }

  #endBy(id: number, ending: Buffer): void {
    if (this.#types.get(id) === 'error') this.#parts.push(...this.end())
    this.#parts.push({ stream: id, ending })
  }
}

function ignore(): void {
  // What the other reader tells is enough.
}
