import type { Socket } from 'node:net'
import { Fault } from '../../core/fault.ts'
import { CHUNK_END, chunkStart, LAST_CHUNK } from '../wire/chunk-bytes.ts'
import { AnswerReader } from './answer-reader.ts'
import type { RequestHeadText } from './request-bytes.ts'
import type { AnswerHandler, UpstreamExchange, UpstreamRequest } from './upstream-exchange.ts'

/** Up to here it is cheaper to copy a body behind its head than to write twice. */
const COPIED_BYTES_MAX = 16 * 1024

/** The connection that carries an exchange. */
export interface Carrier {
  readonly socket: Socket
  /** The exchange is over before its answer is whole. */
  letGo(): void
}

/** One request and its answer, bound to one connection: how its bytes are written, and what was read. */
export class PooledExchange implements UpstreamExchange {
  readonly #handler: AnswerHandler
  readonly #request: UpstreamRequest
  readonly #head: RequestHeadText
  readonly #answer: AnswerReader
  readonly #carrier: Carrier
  /** What was written before there was a connection. */
  #early: Buffer[] = []
  /** Bytes of a counted body that have not come; undefined for any other body. */
  #left: number | undefined
  #bodyIsWhole: boolean
  #sent = false
  #isOver = false
  #timer: NodeJS.Timeout | undefined
  onDrain = (): void => undefined

  /** `head` is the request's, as `printRequestHead` prints it. */
  constructor(
    request: UpstreamRequest,
    head: RequestHeadText,
    handler: AnswerHandler,
    carrier: Carrier,
  ) {
    const { body, method } = request
    this.#request = request
    this.#handler = handler
    this.#head = head
    this.#answer = new AnswerReader(method, this)
    this.#carrier = carrier
    this.#bodyIsWhole = body !== 'stream'
    this.#left = head.framing.kind === 'length' ? head.framing.bytes : undefined
  }

  get sent(): boolean {
    return this.#sent
  }

  /** Whether the handler will hear nothing more. */
  get isOver(): boolean {
    return this.#isOver
  }

  get isAnswered(): boolean {
    return this.#answer.isDone
  }

  /** For how long the connection may be kept after the answer; 0 when not at all. */
  get idleMsMax(): number {
    const isSent = this.#bodyIsWhole && this.#carrier.socket.writableLength === 0
    return isSent && this.#answer.keepsConnection ? this.#answer.idleMsMax : 0
  }

  /** There is a connection: sends the head, and of the body what there is. */
  begin(): void {
    const { body, headersTimeoutMs } = this.#request
    const { socket } = this.#carrier
    this.#sent = true
    if (headersTimeoutMs > 0) this.#timer = setTimeout(() => this.#late(), headersTimeoutMs)
    const { text } = this.#head
    if (!Buffer.isBuffer(body)) socket.write(text, 'latin1')
    else if (body.length <= COPIED_BYTES_MAX) {
      const bytes = Buffer.allocUnsafe(text.length + body.length)
      bytes.write(text, 'latin1')
      body.copy(bytes, text.length)
      socket.write(bytes)
    } else {
      socket.write(text, 'latin1')
      socket.write(body)
    }
    for (const chunk of this.#early) this.#writeChunk(chunk)
    const waits = this.#early.length > 0 && !socket.writableNeedDrain
    this.#early = []
    if (this.#bodyIsWhole) this.#writeEnd()
    else if (waits) this.drained()
  }

  write(chunk: Buffer): boolean {
    if (this.#isOver || this.#bodyIsWhole || chunk.length === 0) return true
    if (this.#left !== undefined) {
      this.#left -= chunk.length
      if (this.#left < 0) {
        this.#mismatch()
        return true
      }
    }
    if (this.#sent) return this.#writeChunk(chunk)
    this.#early.push(chunk)
    return false
  }

  end(): void {
    if (this.#isOver || this.#bodyIsWhole) return
    if (this.#left !== undefined && this.#left > 0) {
      this.#mismatch()
      return
    }
    this.#bodyIsWhole = true
    if (!this.#sent) return
    this.#writeEnd()
    this.#timer?.refresh()
  }

  /** What would follow would be read as another request, or as a part of this body. */
  #mismatch(): void {
    this.fail(
      new Fault('internal', 'The body of the request has another length than its head says'),
    )
    this.#carrier.letGo()
  }

  #writeChunk(chunk: Buffer): boolean {
    const { socket } = this.#carrier
    if (this.#left !== undefined) return socket.write(chunk)
    socket.cork()
    socket.write(chunkStart(chunk.length))
    socket.write(chunk)
    const goesOn = socket.write(CHUNK_END)
    socket.uncork()
    return goesOn
  }

  #writeEnd(): void {
    if (this.#head.framing.kind !== 'chunked') return
    this.#carrier.socket.write(LAST_CHUNK)
  }

  /** The connection takes more. */
  drained(): void {
    if (!this.#isOver && !this.#bodyIsWhole) this.onDrain()
  }

  /** Nothing came in time, unless it is the caller who is slow to send. */
  #late(): void {
    const { socket } = this.#carrier
    if (!this.#bodyIsWhole && !socket.writableNeedDrain) {
      this.#timer?.refresh()
      return
    }
    this.fail(new Error('no answer of the API server in time'))
    this.#carrier.letGo()
  }

  /** Returns how many of `bytes` belong to the answer. Throws `MalformedMessage`. */
  read(bytes: Buffer): number {
    return this.#answer.read(bytes)
  }

  /** The connection has no more bytes: whether the answer is whole. */
  endOfInput(): boolean {
    return this.#answer.endOfInput()
  }

  onHead(httpStatus: number, headers: readonly string[]): void {
    clearTimeout(this.#timer)
    this.#handler.onHead(httpStatus, headers)
  }

  onData(chunk: Buffer): void {
    // One chunk of the connection can hold many of the body, and the first may have been too much.
    if (!this.#isOver) this.#handler.onData(chunk)
  }

  /** The answer is whole. */
  complete(): void {
    if (!this.#close()) return
    try {
      this.#handler.onEnd()
    } catch (error) {
      this.#handler.onError(error as Error)
    }
  }

  fail(error: Error): void {
    if (this.#close()) this.#handler.onError(error)
  }

  /** Nothing that the API server does not know is said to it: the connection is closed, or kept for the next. */
  abort(_error: Error): void {
    if (this.#close()) this.#carrier.letGo()
  }

  #close(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#early = []
    return true
  }

  pause(): void {
    if (!this.#isOver) this.#carrier.socket.pause()
  }

  resume(): void {
    if (!this.#isOver) this.#carrier.socket.resume()
  }
}
