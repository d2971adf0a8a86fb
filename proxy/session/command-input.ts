import { type ChannelCoding, ChannelReader } from './channel-reader.ts'
import type { LineGate } from './line-gate.ts'
import { spdyData } from './spdy-frame.ts'
import { SpdyReader } from './spdy-reader.ts'
import { clientFrame, clientMessage } from './websocket-frame.ts'

const STDIN = 0
const CLOSE = 255
const DIGIT_ZERO = 0x30
/** Of the input in one frame. */
const FRAME_BYTES_MAX = 32 * 1_024

/** What a caller sent, in its order: a frame that passes as it is, or input, or its end with the frame that says so. */
type CallerPart =
  | { readonly frame: Buffer }
  | { readonly input: Buffer }
  | { readonly ending: Buffer | undefined }

/** The frames of a caller's side of an exec or attach, and how frames are made of its input. */
export interface InputWire {
  /** What these bytes say. Throws `Unreadable`. */
  read(chunk: Buffer): readonly CallerPart[]
  /** A frame with this input. */
  frame(input: Buffer): Buffer
}

/** Both ways of framing by the protocol of the tunnel. */
export function inputWire(protocol: string, coding: ChannelCoding): InputWire {
  return protocol === 'websocket' ? new WebSocketInput(coding) : new SpdyInput()
}

/**
 * A caller's side of an exec or attach, of which the input goes through a gate. Other frames pass at their place; those
 * of the input are made again, with the same bytes where no line is stopped.
 */
export class CommandInput {
  readonly #wire: InputWire
  readonly #gate: LineGate

  constructor(wire: InputWire, gate: LineGate) {
    this.#wire = wire
    this.#gate = gate
  }

  /** What of these bytes goes to the API server, as it may go. Call it again when the last is done. */
  async *pass(chunk: Buffer): AsyncGenerator<Buffer> {
    for (const part of this.#wire.read(chunk)) {
      if ('frame' in part) yield part.frame
      else if ('input' in part) yield* this.#framed(this.#gate.pass(part.input))
      else {
        yield* this.#framed(this.#gate.end())
        if (part.ending !== undefined) yield part.ending
      }
    }
  }

  /** The caller sends nothing more. */
  async *end(): AsyncGenerator<Buffer> {
    yield* this.#framed(this.#gate.end())
  }

  async *#framed(pieces: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
    for await (const piece of pieces) {
      for (let at = 0; at < piece.length; at += FRAME_BYTES_MAX) {
        yield this.#wire.frame(piece.subarray(at, at + FRAME_BYTES_MAX))
      }
    }
  }
}

class WebSocketInput implements InputWire {
  readonly #coding: ChannelCoding
  readonly #reader: ChannelReader
  #parts: CallerPart[] = []

  constructor(coding: ChannelCoding) {
    this.#coding = coding
    const pass = (frame: Buffer) => void this.#parts.push({ frame })
    this.#reader = new ChannelReader({ masked: true, fragments: false }, coding, {
      onChannel: (channel, bytes) => {
        if (channel === STDIN) this.#parts.push({ input: bytes })
        else pass(this.#message(channel, bytes))
      },
      onChannelMessage: () => undefined,
      onChannelClosed: (channel) => {
        const frame = clientMessage(Buffer.from([CLOSE, channel]), false)
        this.#parts.push(channel === STDIN ? { ending: frame } : { frame })
      },
      onControl: (opcode, payload) => pass(clientFrame(opcode, payload)),
    })
  }

  read(chunk: Buffer): readonly CallerPart[] {
    this.#parts = []
    this.#reader.push(chunk)
    return this.#parts
  }

  frame(input: Buffer): Buffer {
    return this.#message(STDIN, input)
  }

  #message(channel: number, bytes: Buffer): Buffer {
    return this.#coding.base64
      ? clientMessage(
          Buffer.from(String.fromCharCode(DIGIT_ZERO + channel) + bytes.toString('base64')),
          true,
        )
      : clientMessage(Buffer.concat([Buffer.from([channel]), bytes]), false)
  }
}

class SpdyInput implements InputWire {
  readonly #reader: SpdyReader
  #parts: CallerPart[] = []
  #stdin = -1

  constructor() {
    const pass = (frame: Buffer) => void this.#parts.push({ frame })
    this.#reader = new SpdyReader({
      onControl: pass,
      onStream: (id, headers) => {
        if (headers.get('streamtype') === 'stdin') this.#stdin = id
      },
      onStreamData: (id, bytes) => {
        if (id === this.#stdin) this.#parts.push({ input: bytes })
        else pass(spdyData(id, bytes))
      },
      onStreamEnd: (id, byData) => {
        if (!byData) return
        const frame = spdyData(id, Buffer.alloc(0), 1)
        this.#parts.push(id === this.#stdin ? { ending: frame } : { frame })
      },
      onReset: () => undefined,
    })
  }

  read(chunk: Buffer): readonly CallerPart[] {
    this.#parts = []
    this.#reader.push(chunk)
    return this.#parts
  }

  frame(input: Buffer): Buffer {
    return spdyData(this.#stdin, input)
  }
}
