import { type ClientHttp2Session, type ClientSessionOptions, connect } from 'node:http2'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { SharedCarrier, SharedExchange } from './shared-exchange.ts'
import type { OpeningSocket } from './upstream-connection.ts'

/** Before the API server has said how many it takes; kube-apiserver takes 100 unless told otherwise. */
const STREAMS_AT_FIRST = 100
/** Of servers that take any number: what breaks one connection breaks so many at most. */
const STREAMS_MAX = 250
/**
 * Bytes of one answer that the API server may send before they are taken: what a caller that does not read
 * can have kept here.
 */
const STREAM_WINDOW_BYTES = 128 * 1024
/** Of all answers of a connection: never what one waits for, since each has a window of its own. */
const CONNECTION_WINDOW_BYTES = 8 * 1024 * 1024

/** Node takes more than its types say. */
interface SessionOptions extends ClientSessionOptions {
  readonly createConnection: () => Socket
  readonly strictSingleValueFields: boolean
}

/** Who keeps shared connections. */
export interface SharedConnectionOwner {
  readonly connectTimeoutMs: number
  /** How long a connection without a stream is kept. */
  readonly idleMsMax: number
  /** How often the API server has to show that it is there. */
  readonly pingMs: number
  /** The API server speaks no HTTP/2 over it. */
  onNotOffered(): void
  onClosed(connection: SharedConnection): void
}

/**
 * One HTTP/2 connection to the API server with the streams of many requests: opening, then open, then closing,
 * when it takes no other one and lets those end that it has.
 */
export class SharedConnection implements SharedCarrier {
  readonly #owner: SharedConnectionOwner
  readonly #origin: string
  readonly #socket: Socket
  readonly #timer: NodeJS.Timeout
  readonly #exchanges = new Set<SharedExchange>()
  #waiting: SharedExchange[] = []
  #session: ClientHttp2Session | undefined
  #state: 'opening' | 'open' | 'closing' = 'opening'
  #pings: NodeJS.Timeout | undefined
  #isPinged = false
  #idleSinceMs = 0
  #error: Error | undefined

  constructor({ socket, ready }: OpeningSocket, origin: string, owner: SharedConnectionOwner) {
    this.#socket = socket
    this.#origin = origin
    this.#owner = owner
    this.#timer = setTimeout(() => {
      socket.destroy(new Error('cannot connect to the API server in time'))
    }, owner.connectTimeoutMs)
    socket.once(ready, () => this.#connected())
    socket.on('error', (error) => this.#failed(error))
    socket.once('close', () => this.#closed())
  }

  /** Whether it takes one more request. */
  get hasRoom(): boolean {
    return this.#state !== 'closing' && this.#exchanges.size < this.#streamsMax()
  }

  #streamsMax(): number {
    if (this.#state === 'opening') return STREAMS_AT_FIRST
    const said = this.#session?.remoteSettings.maxConcurrentStreams ?? STREAMS_AT_FIRST
    return Math.min(said, STREAMS_MAX)
  }

  /** Sends a request, immediately or once the connection is open. */
  carry(exchange: SharedExchange): void {
    exchange.waitsOn(this)
    this.#exchanges.add(exchange)
    if (this.#state === 'open' && this.#session !== undefined) exchange.begin(this.#session)
    else this.#waiting.push(exchange)
  }

  released(exchange: SharedExchange): void {
    if (!this.#exchanges.delete(exchange) || this.#exchanges.size > 0) return
    this.#idleSinceMs = performance.now()
  }

  full(): void {
    this.retire()
  }

  /** Takes no other request; the connection ends with the last of those that it has. */
  retire(): void {
    if (this.#state === 'opening') {
      // What waits is sent all the same: nothing says that it may not.
      if (this.#exchanges.size === 0) this.#socket.destroy()
      return
    }
    this.#state = 'closing'
    if (this.#session?.closed === false) this.#session.close()
  }

  /** Closes the connection; the requests that it carries fail. */
  close(): void {
    const error = new Error('the connection to the API server was closed')
    if (this.#session === undefined) this.#socket.destroy(error)
    // Without an error its streams would seem to have ended well.
    else this.#session.destroy(error)
  }

  #connected(): void {
    if ((this.#socket as TLSSocket).alpnProtocol !== 'h2') {
      this.#state = 'closing'
      this.#owner.onNotOffered()
      for (const exchange of this.#takeWaiting()) exchange.goAlone()
      this.#socket.destroy()
      return
    }
    const options: SessionOptions = {
      createConnection: () => this.#socket,
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES },
      // Each header goes as it came, twice too.
      strictSingleValueFields: false,
    }
    const session = connect(this.#origin, options)
    this.#session = session
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES)
    session.once('remoteSettings', () => this.#opened(session))
    session.once('goaway', () => {
      this.#state = 'closing'
    })
    session.on('error', (error: Error) => this.#failed(error))
    session.once('close', () => this.#closed())
  }

  /** How many streams there may be is known: sends what waits. */
  #opened(session: ClientHttp2Session): void {
    clearTimeout(this.#timer)
    if (this.#state === 'opening') this.#state = 'open'
    this.#pings = setInterval(() => this.#look(session), this.#owner.pingMs).unref()
    const max = this.#streamsMax()
    for (const [index, exchange] of this.#takeWaiting().entries()) {
      if (this.#state === 'open' && index < max) exchange.begin(session)
      else exchange.goAlone()
    }
  }

  #takeWaiting(): readonly SharedExchange[] {
    const waiting = this.#waiting.filter((exchange) => this.#exchanges.has(exchange))
    this.#waiting = []
    return waiting
  }

  /** A peer that is gone without a word is noticed, and a connection that nobody uses is closed. */
  #look(session: ClientHttp2Session): void {
    if (session.destroyed || session.closed) return
    const idleMs = performance.now() - this.#idleSinceMs
    if (this.#exchanges.size === 0 && idleMs >= this.#owner.idleMsMax) {
      this.retire()
      return
    }
    if (this.#isPinged) {
      session.destroy(new Error('the API server does not answer any more'))
      return
    }
    this.#isPinged = true
    session.ping((error) => {
      this.#isPinged = error !== null
    })
  }

  #failed(error: Error): void {
    this.#error ??= error
  }

  #closed(): void {
    this.#state = 'closing'
    clearTimeout(this.#timer)
    clearInterval(this.#pings)
    const error = this.#error ?? new Error('the API server closed the connection')
    for (const exchange of this.#takeWaiting()) exchange.fail(error)
    this.#owner.onClosed(this)
  }
}
