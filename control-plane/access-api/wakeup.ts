import type { Clock } from '../../platform/clock.ts'

/** Waits of one reader, for news or for a time, which all end when the signal does. */
export class Wakeup {
  readonly #clock: Clock
  readonly #signal: AbortSignal
  #woken = false
  #ring: (() => void) | undefined

  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock
    this.#signal = signal
  }

  /** From here on no `wake` is missed. */
  arm(): void {
    this.#woken = false
  }

  wake(): void {
    this.#woken = true
    this.#ring?.()
  }

  /** Resolves after a `wake` since `arm`, the signal, or so many milliseconds. */
  async wait(ms: number): Promise<void> {
    if (this.#woken) return
    const news = Promise.withResolvers<void>()
    this.#ring = news.resolve
    await this.#until(ms, news)
    this.#ring = undefined
  }

  /** Resolves after the signal, or so many milliseconds. */
  sleep(ms: number): Promise<void> {
    return this.#until(ms, Promise.withResolvers<void>())
  }

  async #until(ms: number, { promise, resolve }: PromiseWithResolvers<void>): Promise<void> {
    if (this.#signal.aborted || ms <= 0) return
    const end = () => resolve()
    const cancel = this.#clock.after(ms, end)
    this.#signal.addEventListener('abort', end, { once: true })
    await promise
    cancel()
    this.#signal.removeEventListener('abort', end)
  }
}
