import { type ClientHttp2Session, type ClientHttp2Stream, constants } from 'node:http2'
import type { AnswerHandler, UpstreamExchange, UpstreamRequest } from './upstream-exchange.ts'

/** The connection that carries an exchange among others. */
export interface SharedCarrier {
  /** The exchange is over, or goes on elsewhere. */
  released(exchange: SharedExchange): void
  /** The API server takes no other request over the connection. */
  full(): void
}

export interface SharedParts {
  readonly request: UpstreamRequest
  /** Names and values in turn, with those that stand for the request line first. */
  readonly headers: readonly string[]
  readonly handler: AnswerHandler
  /** Sends the request over a connection of its own. */
  readonly sendAlone: (request: UpstreamRequest, handler: AnswerHandler) => UpstreamExchange
}

/** One request without a body, as a stream of a connection that others share. */
export class SharedExchange implements UpstreamExchange {
  readonly #parts: SharedParts
  #carrier: SharedCarrier | undefined
  #stream: ClientHttp2Stream | undefined
  /** The same request on a connection of its own, when it could not be carried here. */
  #alone: UpstreamExchange | undefined
  #hasBegun = false
  #hasEnded = false
  #isOver = false
  #isPaused = false
  #error: Error | undefined
  onDrain = (): void => undefined

  constructor(parts: SharedParts) {
    this.#parts = parts
  }

  get sent(): boolean {
    return this.#alone === undefined ? this.#stream !== undefined : this.#alone.sent
  }

  /** Waits for its turn on a connection. */
  waitsOn(carrier: SharedCarrier): void {
    this.#carrier = carrier
  }

  /** The connection is open: sends the request. */
  begin(session: ClientHttp2Session): void {
    let stream: ClientHttp2Stream
    try {
      stream = session.request(this.#parts.headers, { endStream: true })
    } catch {
      // Converted: nothing of it was sent, and HTTP/1.1 can carry what HTTP/2 cannot.
      this.goAlone()
      return
    }
    this.#stream = stream
    stream.once('response', (_headers, _flags, pairs) => this.#onHead(stream, pairs))
    stream.once('end', () => {
      // One that was destroyed ends too.
      this.#hasEnded = !stream.destroyed
    })
    stream.on('error', (error: Error) => {
      this.#error = error
    })
    stream.once('close', () => this.#onClose(stream))
  }

  #onHead(stream: ClientHttp2Stream, pairs: readonly string[]): void {
    if (this.#isOver) return
    this.#hasBegun = true
    let httpStatus = 502
    const headers: string[] = []
    for (let index = 0; index < pairs.length; index += 2) {
      const name = pairs[index] ?? ''
      const value = pairs[index + 1] ?? ''
      if (name === ':status') httpStatus = Number(value)
      else if (!name.startsWith(':')) headers.push(name, value)
    }
    this.#tell(() => this.#parts.handler.onHead(httpStatus, headers))
    // Not before: the body of an answer comes behind its head.
    stream.on('data', (chunk: Buffer) => {
      if (!this.#isOver) this.#tell(() => this.#parts.handler.onData(chunk))
    })
    if (this.#isPaused) stream.pause()
  }

  #tell(event: () => void): void {
    try {
      event()
    } catch (error) {
      if (!this.#finish()) return
      this.#parts.handler.onError(error as Error)
      this.#cancel()
    }
  }

  /**
   * An answer is whole when its stream has ended and was not reset but by NO_ERROR, which a server says of
   * whole answers alone. Source: RFC 9113, section 8.1.
   */
  #onClose(stream: ClientHttp2Stream): void {
    this.#carrier?.released(this)
    if (this.#isOver) return
    const { handler } = this.#parts
    if (this.#hasEnded && stream.rstCode === constants.NGHTTP2_NO_ERROR) {
      this.#finish()
      try {
        handler.onEnd()
      } catch (error) {
        handler.onError(error as Error)
      }
      return
    }
    if (this.#wasNotProcessed(stream)) {
      this.#carrier?.full()
      this.#stream = undefined
      this.goAlone()
      return
    }
    this.#finish()
    handler.onError(this.#error ?? new Error('the API server broke the stream off'))
  }

  /**
   * Whether the API server has not looked at the request, for sure: no byte of it was made, or the stream
   * was refused, as those behind the last one of a GOAWAY are. Source: RFC 9113, section 8.7.
   */
  #wasNotProcessed(stream: ClientHttp2Stream): boolean {
    if (this.#hasBegun) return false
    return stream.id === undefined || stream.rstCode === constants.NGHTTP2_REFUSED_STREAM
  }

  /** Sends the request, of which nothing was processed, over a connection of its own. */
  goAlone(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#carrier?.released(this)
    this.#alone = this.#parts.sendAlone(this.#parts.request, this.#parts.handler)
    if (this.#isPaused) this.#alone.pause()
  }

  /** There will be no connection. */
  fail(error: Error): void {
    if (this.#finish()) this.#parts.handler.onError(error)
  }

  abort(error: Error): void {
    if (this.#alone !== undefined) this.#alone.abort(error)
    else if (this.#finish()) this.#cancel()
  }

  #cancel(): void {
    // Only this stream: the others go on.
    if (this.#stream === undefined) this.#carrier?.released(this)
    else this.#stream.close(constants.NGHTTP2_CANCEL)
  }

  #finish(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    return true
  }

  pause(): void {
    this.#isPaused = true
    if (this.#alone !== undefined) this.#alone.pause()
    else if (this.#hasBegun) this.#stream?.pause()
  }

  resume(): void {
    this.#isPaused = false
    if (this.#alone !== undefined) this.#alone.resume()
    else if (this.#hasBegun) this.#stream?.resume()
  }

  /** There is no body. */
  write(): boolean {
    return true
  }

  end(): void {}
}
