import { Fault } from '../../core/fault.ts'
import { type Clock, startTimer } from '../../platform/clock.ts'

export interface WaitingRoomOptions {
  readonly clock: Clock
  /** Most that may be inside at the same time, served or not. */
  readonly max: number
  /** Longest wait for something that serves. */
  readonly waitMs: number
  /** Why nothing serves, where it is known: those who waited in vain are told so. */
  readonly reason?: () => Fault | undefined
}

/**
 * Where questions are until they are answered. Whoever comes while nothing serves waits a while for
 * what serves next.
 */
export class WaitingRoom<Server> {
  readonly #options: WaitingRoomOptions
  #server: Server | undefined
  #next = Promise.withResolvers<Server>()
  #inside = 0

  constructor(options: WaitingRoomOptions) {
    this.#options = options
  }

  /** What serves now. */
  get server(): Server | undefined {
    return this.#server
  }

  /** Whether nobody else is let in. */
  isFull(): boolean {
    return this.#inside >= this.#options.max
  }

  /** From now on `server` serves, those who wait as well. */
  open(server: Server): void {
    this.#server = server
    this.#next.resolve(server)
  }

  /** From now on nothing serves. Those who wait already go on waiting for what serves next. */
  shut(): void {
    if (this.#server !== undefined) this.#next = Promise.withResolvers()
    this.#server = undefined
  }

  /**
   * Has `ask` served. Throws `overloaded` when too many are inside, `decision_unavailable` when
   * nothing serves for too long, and whatever `ask` throws.
   */
  async enter<Answer>(ask: (server: Server) => Promise<Answer>): Promise<Answer> {
    if (this.isFull()) {
      throw new Fault('overloaded', 'Too many requests of this pod wait for a decision; try again')
    }
    this.#inside += 1
    try {
      return await ask(this.#server ?? (await this.wait()))
    } finally {
      this.#inside -= 1
    }
  }

  /** What serves now or next. Throws `decision_unavailable` when nothing does for too long. */
  async wait(): Promise<Server> {
    const timer = startTimer(this.#options.clock, this.#options.waitMs)
    const found = await Promise.race([this.#next.promise, timer.done])
    timer.cancel()
    if (found !== 'time') return found
    const away = 'The control plane is away, so nothing is allowed; try again'
    throw this.#options.reason?.() ?? new Fault('decision_unavailable', away)
  }
}
