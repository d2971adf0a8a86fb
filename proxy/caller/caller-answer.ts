import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { CHUNK_END, chunkStart, LAST_CHUNK } from '../wire/chunk-bytes.ts'
import { headerValue } from '../wire/header-pairs.ts'
import type { RequestHead } from '../wire/request-head.ts'

/** What an answer needs of the connection that it is written to. */
export interface AnswerConnection {
  readonly socket: Duplex
  /** Whether the whole request has come, so that another one can follow. */
  requestComplete(): boolean
  /** The answer begins, and so there is no tunnel. */
  begun(): void
  /** Whether another request may follow the answer. */
  mayStay(): boolean
  /** The last byte of the answer was handed over; `stays` says whether the connection goes on. */
  answered(stays: boolean): void
}

/** Pieces up to this together are written as one, head included: copying costs less than a second write. */
const TOGETHER_BYTES_MAX = 16 * 1_024
const NOTHING = Buffer.alloc(0)
const CONTINUE = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n')

type AnswerFraming = 'none' | 'length' | 'chunked' | 'until close'

/**
 * The one answer to a request, written to the caller's connection: head, body, end. What is written
 * in one turn leaves as one piece where it is small.
 */
export class CallerAnswer {
  readonly #request: RequestHead
  readonly #connection: AnswerConnection
  readonly #onClosed: (() => void)[] = []
  #state: 'waiting' | 'begun' | 'ended' | 'closed' = 'waiting'
  #framing: AnswerFraming = 'none'
  #httpStatus = 0
  #stays = false
  /** Bytes of the body that must still come; only with framing `length`. */
  #left = 0
  #pieces: Buffer[] = []
  #bytes = 0
  #isFlushing = false

  constructor(request: RequestHead, connection: AnswerConnection) {
    this.#request = request
    this.#connection = connection
  }

  /** Whether the head is written. */
  get begun(): boolean {
    return this.#state !== 'waiting'
  }

  /** Whether nothing can be written any more: it ended, or the caller has gone. */
  get isOver(): boolean {
    return this.#state === 'ended' || this.#state === 'closed' || this.#connection.socket.destroyed
  }

  /** Status with which it began; 0 before. */
  get httpStatus(): number {
    return this.#httpStatus
  }

  /** Calls `closed` once: when the answer has been handed over whole, or the connection has gone. */
  onClose(closed: () => void): void {
    if (this.#state === 'closed') closed()
    else this.#onClosed.push(closed)
  }

  /** Has a caller that asked first send its body. */
  writeContinue(): void {
    if (this.#state === 'waiting') this.#connection.socket.write(CONTINUE)
  }

  /**
   * Writes the head; `headers` are names and values in turn, in Latin-1 and checked by their makers.
   * How the body is framed follows from them. `now`: does not wait for the begin of the body.
   */
  begin(httpStatus: number, headers: readonly string[], now = false): void {
    if (this.#state !== 'waiting') return
    this.#state = 'begun'
    this.#httpStatus = httpStatus
    this.#framing = this.#framingOf(httpStatus, headers)
    const connection = this.#connection
    connection.begun()
    this.#stays =
      this.#framing !== 'until close' && connection.requestComplete() && connection.mayStay()
    let text = headText(httpStatus, headers)
    if (this.#framing === 'chunked') text += 'transfer-encoding: chunked\r\n'
    if (!this.#stays) text += 'connection: close\r\n'
    this.#push(Buffer.from(`${text}\r\n`, 'latin1'))
    if (now) this.#flush()
  }

  /** Body bytes; false when the caller does not keep up. `onTaken` is called once they are handed over. */
  write(chunk: Buffer, onTaken?: () => void): boolean {
    if (this.#state !== 'begun' || this.#connection.socket.destroyed) return true
    if (chunk.length > 0 && this.#framing !== 'none') this.#writeBody(chunk)
    if (onTaken !== undefined) this.#flush(onTaken)
    const { socket } = this.#connection
    return socket.writableLength + this.#bytes <= socket.writableHighWaterMark
  }

  /** Calls `go` when the caller has caught up. */
  onceDrained(go: () => void): void {
    this.#flush()
    const { socket } = this.#connection
    if (socket.writableNeedDrain) socket.once('drain', go)
    else setImmediate(go)
  }

  /** The answer is whole. One of another length than it said is cut, since it would pass for a whole one. */
  end(): void {
    if (this.#state !== 'begun') return
    if (this.#framing === 'length' && this.#left !== 0) {
      this.destroy()
      return
    }
    if (this.#framing === 'chunked') this.#push(LAST_CHUNK)
    this.#state = 'ended'
    this.#flush(() => this.#handedOver())
  }

  /** Ends the connection, for a caller that must not take what came for a whole answer. */
  destroy(): void {
    this.#pieces = []
    this.#connection.socket.destroy()
  }

  /** For its connection: it has gone, or is somebody else's. */
  closed(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#pieces = []
    for (const closed of this.#onClosed) closed()
  }

  #framingOf(httpStatus: number, headers: readonly string[]): AnswerFraming {
    const length = headerValue(headers, 'content-length')
    const { method, httpVersion } = this.#request
    if (method === 'HEAD' || httpStatus === 204 || httpStatus === 304) return 'none'
    if (length !== undefined) {
      this.#left = Number(length)
      return 'length'
    }
    return httpVersion === '1.1' ? 'chunked' : 'until close'
  }

  #writeBody(chunk: Buffer): void {
    if (this.#framing === 'chunked') {
      this.#push(chunkStart(chunk.length))
      this.#push(chunk)
      this.#push(CHUNK_END)
      return
    }
    if (this.#framing === 'length') {
      this.#left -= chunk.length
      if (this.#left < 0) {
        this.destroy()
        return
      }
    }
    this.#push(chunk)
  }

  #push(piece: Buffer): void {
    if (this.#state === 'closed') return
    this.#pieces.push(piece)
    this.#bytes += piece.length
    if (this.#bytes > TOGETHER_BYTES_MAX) this.#flush()
    else if (!this.#isFlushing) {
      this.#isFlushing = true
      process.nextTick(() => this.#flush())
    }
  }

  #flush(onTaken?: () => void): void {
    this.#isFlushing = false
    const { socket } = this.#connection
    const pieces = this.#pieces
    const bytes = this.#bytes
    this.#pieces = []
    this.#bytes = 0
    if (pieces.length === 0) {
      if (onTaken === undefined) return
      // What was written before may still be on its way.
      if (socket.writableLength === 0) setImmediate(onTaken)
      else socket.write(NOTHING, onTaken)
      return
    }
    const [first = NOTHING] = pieces
    if (pieces.length === 1) socket.write(first, onTaken)
    else if (bytes <= TOGETHER_BYTES_MAX) socket.write(Buffer.concat(pieces, bytes), onTaken)
    else {
      socket.cork()
      const last = pieces.pop() ?? NOTHING
      for (const piece of pieces) socket.write(piece)
      socket.write(last, onTaken)
      socket.uncork()
    }
  }

  #handedOver(): void {
    if (this.#state === 'closed') return
    this.closed()
    this.#connection.answered(this.#stays)
  }
}

/** Status line and headers of an answer, each line ended, without the blank line. */
export function headText(httpStatus: number, headers: readonly string[]): string {
  let text = `HTTP/1.1 ${httpStatus} ${STATUS_CODES[httpStatus] ?? ''}\r\n`
  for (let index = 0; index < headers.length; index += 2) {
    text += `${headers[index]}: ${headers[index + 1]}\r\n`
  }
  return text
}
