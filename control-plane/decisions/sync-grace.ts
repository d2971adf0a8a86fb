import type { Clock } from '../../platform/clock.ts'

/**
 * How long open requests may go without a judgement because kube-apiserver tells the control plane
 * nothing. A kube-apiserver that is restarted, replaced or overloaded is back within this time in most
 * clusters, and what was missed is a change that took effect half a minute later than it could have.
 */
export const SYNC_GRACE_MS = 30_000

export interface SyncGraceOptions {
  readonly clock: Clock
  readonly graceMs: number
  /** How long after the return of sync an answer may still stay away. */
  readonly answerMsMax: number
  /** The grace is over and sync has not come back; again after each further grace without sync. */
  readonly onOver: () => void
}

/**
 * Until when each open request may go without an answer because sync was lost. The time runs from the first
 * loss until an answer comes: sync that comes and goes gives no request more of it.
 */
export class SyncGrace {
  readonly #options: SyncGraceOptions
  /** Of requests that were open at a loss and have not been judged since, by key. */
  readonly #untilMs = new Map<string, number>()
  #inSync = true
  #lossUntilMs = Number.NEGATIVE_INFINITY
  #cancel: (() => void) | undefined

  constructor(options: SyncGraceOptions) {
    this.#options = options
  }

  get inSync(): boolean {
    return this.#inSync
  }

  /** Sync is lost, with these requests open. */
  lose(keys: Iterable<string>): void {
    const { clock, graceMs } = this.#options
    this.#inSync = false
    this.#lossUntilMs = clock.monotonicMs() + graceMs
    for (const key of keys) {
      if (!this.#untilMs.has(key)) this.#untilMs.set(key, this.#lossUntilMs)
    }
    this.#wait()
  }

  /** In sync again. */
  regain(): void {
    this.#inSync = true
    this.#cancel?.()
    this.#cancel = undefined
  }

  /** Until when a request may go without an answer; long ago for one that no loss concerns. */
  untilMs(key: string): number {
    const own = this.#untilMs.get(key)
    if (!this.#inSync) return own ?? this.#lossUntilMs
    return own === undefined ? Number.NEGATIVE_INFINITY : own + this.#options.answerMsMax
  }

  /** An answer came, or the request has ended. */
  settle(key: string): void {
    this.#untilMs.delete(key)
  }

  #wait(): void {
    const { clock, graceMs, onOver } = this.#options
    this.#cancel?.()
    this.#cancel = clock.after(graceMs, () => {
      this.#wait()
      onOver()
    })
  }
}
