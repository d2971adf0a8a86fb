import { type Clock, startTimer } from '../../platform/clock.ts'
import type { Logger } from '../../platform/logger.ts'
import type { Backoff } from './backoff.ts'
import type { Enrolment } from './enrolment.ts'
import { isServing, type LinkEvent, type LinkState, nextLinkState } from './link-state.ts'

/** What a link asks of a stream. */
export interface LinkStream {
  /** Resolves, never rejects, when the stream is over: with the error, if there was one. */
  readonly ended: Promise<unknown>
  finish(timeoutMs: number): Promise<void>
}

/** One connection to the control plane, which may come about or not. */
export interface LinkConnection<Stream extends LinkStream> {
  /** Rejects when there is no connection after this time. */
  ready(timeoutMs: number): Promise<void>
  enrol(): Promise<Enrolment>
  openStream(enrolment: Enrolment): Stream
  close(): void
}

export interface LinkOptions<Stream extends LinkStream> {
  readonly connect: () => LinkConnection<Stream>
  readonly clock: Clock
  readonly backoff: Backoff
  readonly logger: Logger
  /** Whether the control plane no longer knows the session, by the error that ended a stream. */
  readonly isUnknownSession: (error: unknown) => boolean
  /** A stream serves from now on, instead of the one before it. */
  readonly onServing: (stream: Stream) => void
  /** Nothing serves. Told after an attempt that failed, too. */
  readonly onLost: () => void
}

const CONNECT_TIMEOUT_MS = 5_000
const FINISH_MS = 3_000
const RENEW_AGAIN_MS = 5_000

/**
 * Keeps a stream to the control plane: connects, enrols, renews the session before it ends, and begins
 * again after a while when something fails. Begins immediately, without waiting for anything.
 */
export class Link<Stream extends LinkStream> {
  readonly #options: LinkOptions<Stream>
  readonly #closing = Promise.withResolvers<'closing'>()
  readonly #running: Promise<void>
  #state: LinkState = 'connecting'
  #connection: LinkConnection<Stream>
  #enrolment: Enrolment | undefined
  #stream: Stream | undefined

  constructor(options: LinkOptions<Stream>) {
    this.#options = options
    this.#connection = options.connect()
    this.#running = this.#run()
  }

  get state(): LinkState {
    return this.#state
  }

  /** What the control plane knows the sidecar by; undefined before the first enrolment. */
  get enrolment(): Enrolment | undefined {
    return this.#enrolment
  }

  /** Ends the stream in order, within three seconds, and the connection. */
  async close(): Promise<void> {
    const stream = isServing(this.#state) ? this.#stream : undefined
    this.#move('close')
    this.#closing.resolve('closing')
    await stream?.finish(FINISH_MS)
    this.#options.onLost()
    this.#connection.close()
    await this.#running
  }

  #move(event: LinkEvent): void {
    this.#state = nextLinkState(this.#state, event)
  }

  #isClosed(): boolean {
    return this.#state === 'closed'
  }

  async #run(): Promise<void> {
    const { backoff, clock, isUnknownSession, logger, onLost } = this.#options
    while (!this.#isClosed()) {
      try {
        await this.#serve()
      } catch (error) {
        // Recorded, and tried again: until then every request is refused.
        if (isUnknownSession(error)) this.#enrolment = undefined
        if (!this.#isClosed()) logger.warn({ error }, 'Lost the control plane')
      }
      if (this.#isClosed()) return
      this.#move('lost')
      onLost()
      const retry = startTimer(clock, backoff.next())
      const why = await Promise.race([retry.done, this.#closing.promise])
      retry.cancel()
      if (why === 'time' && !this.#isClosed()) this.#move('time')
    }
  }

  /** Serves until the stream is over; a session that ends soon is replaced without a gap. */
  async #serve(): Promise<void> {
    const { clock } = this.#options
    await this.#connect()
    let enrolment = this.#usableEnrolment() ?? (await this.#connection.enrol())
    let stream = this.#begin(enrolment)
    while (stream !== undefined) {
      const renewal = startTimer(clock, enrolment.renewAtMs - clock.nowMs())
      const why = await Promise.race([stream.ended, renewal.done, this.#closing.promise])
      renewal.cancel()
      if (why === 'closing') return
      if (why !== 'time') throw why ?? new Error('the control plane ended the stream')
      this.#move('renewal due')
      enrolment = await this.#renew(enrolment)
      const old = stream
      stream = this.#begin(enrolment)
      if (stream !== undefined) void old.finish(FINISH_MS)
    }
  }

  /**
   * A connection that does not come about is given up: grpc-js would wait for as long as the kernel
   * does, which is two minutes when packets are swallowed.
   */
  async #connect(): Promise<void> {
    try {
      await this.#connection.ready(CONNECT_TIMEOUT_MS)
    } catch (error) {
      this.#connection.close()
      if (!this.#isClosed()) this.#connection = this.#options.connect()
      throw error
    }
    if (!this.#isClosed()) this.#move('connected')
  }

  /** Opens the stream that serves from now on; undefined when the link was closed meanwhile. */
  #begin(enrolment: Enrolment): Stream | undefined {
    if (this.#isClosed()) return undefined
    this.#enrolment = enrolment
    const stream = this.#connection.openStream(enrolment)
    this.#stream = stream
    this.#move('enrolled')
    this.#options.onServing(stream)
    return stream
  }

  #usableEnrolment(): Enrolment | undefined {
    const enrolment = this.#enrolment
    const isUsable = enrolment !== undefined && enrolment.renewAtMs > this.#options.clock.nowMs()
    return isUsable ? enrolment : undefined
  }

  /** The old session serves on when there is no new one yet. */
  async #renew(old: Enrolment): Promise<Enrolment> {
    try {
      return await this.#connection.enrol()
    } catch (error) {
      this.#options.logger.warn({ error }, 'Cannot renew the enrolment')
      return { ...old, renewAtMs: this.#options.clock.nowMs() + RENEW_AGAIN_MS }
    }
  }
}
