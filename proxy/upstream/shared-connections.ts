import { checkSendable } from './request-bytes.ts'
import { SharedConnection, type SharedConnectionOwner } from './shared-connection.ts'
import { SharedExchange } from './shared-exchange.ts'
import type { OpeningSocket } from './upstream-connection.ts'
import type { AnswerHandler, UpstreamExchange, UpstreamRequest } from './upstream-exchange.ts'

export interface SharedOptions {
  /** `https://host:port`. */
  readonly origin: URL
  /** Makes a connection that offers HTTP/2 beside HTTP/1.1. */
  readonly openSocket: () => OpeningSocket
  readonly connectTimeoutMs: number
  readonly idleMsMax: number
  readonly pingMs: number
  /** Sends a request that cannot share over a connection of its own. */
  readonly sendAlone: (request: UpstreamRequest, handler: AnswerHandler) => UpstreamExchange
}

/** HTTP/2 bounds what all headers together may have; a longer head has its own connection. */
const HEADER_BYTES_MAX = 16 * 1024
/** What RFC 7540 counts for each header besides its bytes. */
const HEADER_EXTRA_BYTES = 32

/**
 * The few connections that the requests of many callers share, such as watches, each of which would hold a
 * connection of its own otherwise. A request goes over HTTP/1.1 where the API server does not offer HTTP/2, and
 * when it says that it has not looked at it.
 */
export class SharedConnections implements SharedConnectionOwner {
  readonly #options: SharedOptions
  readonly #all = new Set<SharedConnection>()
  #isOffered = true

  constructor(options: SharedOptions) {
    this.#options = options
  }

  get connectTimeoutMs(): number {
    return this.#options.connectTimeoutMs
  }

  get idleMsMax(): number {
    return this.#options.idleMsMax
  }

  get pingMs(): number {
    return this.#options.pingMs
  }

  /** How many connections there are, those that are being made included. */
  get size(): number {
    return this.#all.size
  }

  /**
   * Sends a request once, or again when the API server is known not to have looked at it. Throws an assertion
   * for one that has no place in one head.
   */
  dispatch(request: UpstreamRequest, handler: AnswerHandler): UpstreamExchange {
    const { sendAlone } = this.#options
    if (!this.#isOffered || !isShareable(request)) return sendAlone(request, handler)
    checkSendable(request)
    const headers = [...this.#requestLine(request), ...request.headers]
    const exchange = new SharedExchange({ request, headers, handler, sendAlone })
    this.#take().carry(exchange)
    return exchange
  }

  #requestLine({ method, path }: UpstreamRequest): readonly string[] {
    const line = [':method', method, ':scheme', 'https', ':authority', this.#options.origin.host]
    return [...line, ':path', path]
  }

  #take(): SharedConnection {
    for (const connection of this.#all) if (connection.hasRoom) return connection
    const { openSocket, origin } = this.#options
    const connection = new SharedConnection(openSocket(), origin.href, this)
    this.#all.add(connection)
    return connection
  }

  onNotOffered(): void {
    this.#isOffered = false
  }

  onClosed(connection: SharedConnection): void {
    this.#all.delete(connection)
  }

  /** Keeps no connection any more; running requests end on those that they have. */
  retire(): void {
    for (const connection of this.#all) connection.retire()
  }

  /** Closes all connections; running requests fail. */
  destroy(): void {
    for (const connection of this.#all) connection.close()
  }
}

function isShareable({ method, body, headers, headersTimeoutMs }: UpstreamRequest): boolean {
  if (method !== 'GET' || body !== null || headersTimeoutMs > 0) return false
  let bytes = 0
  for (const text of headers) bytes += text.length + HEADER_EXTRA_BYTES / 2
  return bytes <= HEADER_BYTES_MAX
}
