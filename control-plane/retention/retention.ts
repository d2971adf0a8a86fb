import type { Removal } from '../../core/audit/removal.ts'
import { type Clock, startTimer } from '../../platform/clock.ts'
import type { Logger } from '../../platform/logger.ts'
import type { Store } from '../store/store.ts'
import { type DueRemoval, dueRemovals, type RetentionLimits } from './due-removal.ts'

/** Between two looks at what has to go. */
const LOOK_MS = 60_000
/**
 * Decisions of one transaction: with what was recorded about them, a few milliseconds of the one thread
 * that also makes decisions.
 */
const BATCH = 100
/** Between two transactions, so that decisions wait for one of ten at most. */
const PAUSE_MS = 25
/** Pods that are forgotten in one transaction. */
const PODS_BATCH = 100
/**
 * A pod that ended so long before the oldest record has none left: what it had asked before it ended was
 * decided soon after.
 */
const POD_MARGIN_MS = 3_600_000
/** Room in the file that is kept for what comes; the rest goes back to the volume. */
const REUSABLE_BYTES_MAX = 16 * 1024 * 1024
/** Bytes that the file gives back in one step. */
const SHRINK_BYTES = 512 * 1024

export interface RetentionDeps {
  readonly store: Pick<Store, 'auditEvents' | 'bindings' | 'size' | 'shrink'>
  readonly limits: RetentionLimits
  /** Free bytes of the volume. */
  readonly readFreeBytes: () => number
  readonly clock: Clock
  readonly logger: Logger
  readonly onRemoval?: (removal: Removal) => void
}

/** Takes old records away, little by little, for as long as the process runs. */
export class Retention {
  readonly #deps: RetentionDeps
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined

  constructor(deps: RetentionDeps) {
    this.#deps = deps
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Resolves once nothing is being removed any more. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        await this.look()
      } catch (error) {
        // Recorded: what cannot be removed now is looked at again.
        this.#deps.logger.warn({ error }, 'Cannot remove old records')
      }
      await this.#pause(LOOK_MS)
    }
  }

  /** Removes all that has to go by now, and lets the file shrink by it. */
  async look(): Promise<void> {
    const removed = await this.#removeDue()
    const forgotten = await this.#forgetPods()
    await this.#shrink()
    if (removed + forgotten > 0) {
      this.#deps.logger.info({ decisions: removed, pods: forgotten }, 'Removed old records')
    }
  }

  async #removeDue(): Promise<number> {
    let removed = 0
    while (!this.#stopping.signal.aborted) {
      const removal = await this.#removeOnce()
      if (removal === undefined) break
      removed += removal.decisions
      this.#deps.onRemoval?.(removal)
      await this.#pause(PAUSE_MS)
    }
    return removed
  }

  async #removeOnce(): Promise<Removal | undefined> {
    for (const due of this.#due()) {
      const request = { ...due, limit: BATCH, nowMs: this.#deps.clock.nowMs() }
      const removal = await this.#deps.store.auditEvents.removeOldest(request)
      if (removal !== undefined) return removal
    }
    return undefined
  }

  #due(): readonly DueRemoval[] {
    const { store, limits, clock, readFreeBytes } = this.#deps
    const { bytes, reusableBytes } = store.size()
    return dueRemovals(limits, {
      nowMs: clock.nowMs(),
      usedBytes: bytes - reusableBytes,
      freeBytes: readFreeBytes() + reusableBytes,
    })
  }

  /** Pods that ended and have no record left go too, with their chains. */
  async #forgetPods(): Promise<number> {
    const { auditEvents, bindings } = this.#deps.store
    const page = await auditEvents.list({}, { afterSequence: 0, limit: 1 })
    // Before anything was removed every pod is kept, whether it asked for anything or not.
    if (page.removedUntil === 0) return 0
    const oldestMs = page.events[0]?.decidedAtMs ?? this.#deps.clock.nowMs()
    let forgotten = 0
    while (!this.#stopping.signal.aborted) {
      const pods = await bindings.forgetEnded(oldestMs - POD_MARGIN_MS, PODS_BATCH)
      forgotten += pods
      if (pods < PODS_BATCH) break
      await this.#pause(PAUSE_MS)
    }
    return forgotten
  }

  async #shrink(): Promise<void> {
    const { store } = this.#deps
    while (!this.#stopping.signal.aborted) {
      const { reusableBytes } = store.size()
      if (reusableBytes <= REUSABLE_BYTES_MAX || !store.shrink(SHRINK_BYTES)) return
      await this.#pause(PAUSE_MS)
    }
  }

  async #pause(ms: number): Promise<void> {
    const timer = startTimer(this.#deps.clock, ms)
    const { signal } = this.#stopping
    const stopped = Promise.withResolvers<void>()
    const onAbort = () => stopped.resolve()
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    await Promise.race([timer.done, stopped.promise])
    signal.removeEventListener('abort', onAbort)
    timer.cancel()
  }
}
