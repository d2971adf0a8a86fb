import { printRequestHead } from './request-bytes.ts'
import {
  type ConnectionOwner,
  type OpeningSocket,
  UpstreamConnection,
} from './upstream-connection.ts'
import type { AnswerHandler, UpstreamExchange, UpstreamRequest } from './upstream-exchange.ts'

export interface PoolOptions {
  /** Value of the header Host. */
  readonly host: string
  readonly openSocket: () => OpeningSocket
  readonly connectTimeoutMs: number
  /** Longest time for which a connection is kept without a request. */
  readonly idleMsMax: number
}

/** How often kept connections are looked at, as a part of the time for which they are kept. */
const LOOKS_PER_IDLE_TIME = 12

/**
 * Connections to one origin, each with one request at a time. The one that was used last is used next,
 * so that what a burst needed is given back. There are as many as requests are open, whose number is
 * bounded where they come in.
 */
export class UpstreamPool implements ConnectionOwner {
  readonly #options: PoolOptions
  readonly #all = new Set<UpstreamConnection>()
  #idle: UpstreamConnection[] = []
  #timer: NodeJS.Timeout | undefined
  #isRetired = false

  constructor(options: PoolOptions) {
    this.#options = options
  }

  get connectTimeoutMs(): number {
    return this.#options.connectTimeoutMs
  }

  /** How many connections there are, those that are being made included. */
  get size(): number {
    return this.#all.size
  }

  /** Never sends a request twice. Throws an assertion for one that has no place in one head. */
  dispatch(request: UpstreamRequest, handler: AnswerHandler): UpstreamExchange {
    const head = printRequestHead(request, this.#options.host)
    return this.#take().carry(request, head, handler)
  }

  #take(): UpstreamConnection {
    const nowMs = performance.now()
    for (let kept = this.#idle.pop(); kept !== undefined; kept = this.#idle.pop()) {
      if (kept.keptUntilMs > nowMs && kept.socket.writable) return kept
      kept.close()
    }
    const connection = new UpstreamConnection(this.#options.openSocket(), this)
    this.#all.add(connection)
    return connection
  }

  onIdle(connection: UpstreamConnection, idleMsMax: number): void {
    if (this.#isRetired) {
      connection.close()
      return
    }
    connection.keptUntilMs = performance.now() + Math.min(idleMsMax, this.#options.idleMsMax)
    this.#idle.push(connection)
    this.#timer ??= setInterval(
      () => this.#closeOld(),
      this.#options.idleMsMax / LOOKS_PER_IDLE_TIME,
    ).unref()
  }

  #closeOld(): void {
    const nowMs = performance.now()
    for (const kept of this.#idle) if (kept.keptUntilMs <= nowMs) kept.close()
    this.#keep(({ keptUntilMs }) => keptUntilMs > nowMs)
  }

  onClosed(connection: UpstreamConnection): void {
    this.#all.delete(connection)
    this.#keep((kept) => kept !== connection)
  }

  #keep(stays: (kept: UpstreamConnection) => boolean): void {
    this.#idle = this.#idle.filter(stays)
    if (this.#idle.length > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /** Keeps no connection any more; running requests end on those that they have. */
  retire(): void {
    this.#isRetired = true
    for (const kept of this.#idle) kept.close()
    this.#keep(() => false)
  }

  /** Closes all connections; running requests fail. */
  destroy(): void {
    this.retire()
    for (const connection of this.#all) connection.close()
  }
}
