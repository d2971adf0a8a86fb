import type { Socket } from 'node:net'
import { PooledExchange } from './pooled-exchange.ts'
import type { RequestHeadText } from './request-bytes.ts'
import type { AnswerHandler, UpstreamExchange, UpstreamRequest } from './upstream-exchange.ts'

/** A connection that is being made, and the event after which it may be written to. */
export interface OpeningSocket {
  readonly socket: Socket
  readonly ready: 'connect' | 'secureConnect'
}

/** Who keeps connections. */
export interface ConnectionOwner {
  readonly connectTimeoutMs: number
  /** The connection can carry another request, unless nothing happens on it for `idleMsMax`. */
  onIdle(connection: UpstreamConnection, idleMsMax: number): void
  onClosed(connection: UpstreamConnection): void
}

/**
 * One connection to the API server: opening, then idle or with one exchange, then closed. Whatever
 * comes while nobody waits for it closes the connection, so that no answer, and no rest of one, can
 * become the next caller's.
 */
export class UpstreamConnection {
  readonly socket: Socket
  /** When it is closed unless it is used, by `performance.now()`; its owner's. */
  keptUntilMs = 0
  readonly #owner: ConnectionOwner
  readonly #timer: NodeJS.Timeout
  #isOpen = false
  #exchange: PooledExchange | undefined

  constructor({ socket, ready }: OpeningSocket, owner: ConnectionOwner) {
    this.socket = socket
    this.#owner = owner
    this.#timer = setTimeout(() => {
      socket.destroy(new Error('cannot connect to the API server in time'))
    }, owner.connectTimeoutMs)
    socket.once(ready, () => this.#opened())
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('drain', () => this.#exchange?.drained())
    socket.on('end', () => this.#ended())
    socket.on('error', (error) => this.#failed(error))
    socket.on('close', () => {
      clearTimeout(this.#timer)
      this.#failed(new Error('the API server closed the connection'))
      owner.onClosed(this)
    })
  }

  /** Sends a request, immediately or once there is a connection, which carries none yet. */
  carry(request: UpstreamRequest, head: RequestHeadText, handler: AnswerHandler): UpstreamExchange {
    const exchange = new PooledExchange(request, head, handler, this)
    this.#exchange = exchange
    if (this.#isOpen) exchange.begin()
    return exchange
  }

  /** Closes the connection; a request that it carries fails. */
  close(): void {
    this.socket.destroy()
  }

  /** The exchange is over before its answer: what still came would be for nobody. */
  letGo(): void {
    this.#exchange = undefined
    // A connection that is being made can carry the next one.
    if (this.#isOpen) this.socket.destroy()
  }

  #opened(): void {
    clearTimeout(this.#timer)
    this.#isOpen = true
    if (this.#exchange === undefined) this.#owner.onIdle(this, Number.POSITIVE_INFINITY)
    else this.#exchange.begin()
  }

  #read(chunk: Buffer): void {
    const exchange = this.#exchange
    if (exchange === undefined) {
      this.socket.destroy()
      return
    }
    let taken: number
    try {
      taken = exchange.read(chunk)
    } catch (error) {
      this.#failed(error as Error)
      this.socket.destroy()
      return
    }
    if (this.#exchange !== exchange || !exchange.isAnswered) return
    this.#finish(exchange, taken === chunk.length ? exchange.idleMsMax : 0)
  }

  /** The answer is whole: first the connection is free or closed, then the caller hears of it. */
  #finish(exchange: PooledExchange, idleMsMax: number): void {
    this.#exchange = undefined
    if (idleMsMax > 0) {
      // Whatever the last caller held back, an idle connection must show what happens on it.
      if (this.socket.isPaused()) this.socket.resume()
      this.#owner.onIdle(this, idleMsMax)
    } else this.socket.destroy()
    exchange.complete()
  }

  #ended(): void {
    const exchange = this.#exchange
    if (exchange?.endOfInput() === true) this.#finish(exchange, 0)
    this.socket.destroy()
  }

  #failed(error: Error): void {
    const exchange = this.#exchange
    this.#exchange = undefined
    exchange?.fail(error)
  }
}
