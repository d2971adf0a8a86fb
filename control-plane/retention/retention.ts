import type { Removal } from '../../core/audit/removal.ts'
import { type Clock, startTimer } from '../../platform/clock.ts'
import type { Logger } from '../../platform/logger.ts'
import type { RecordingStore } from '../store/recording-store.ts'
import type { Store } from '../store/store.ts'
import { type DueRemoval, dueRemovals, type RetentionLimits } from './due-removal.ts'
import { SweepPace } from './sweep-pace.ts'

/** Between two looks at what has to go. */
const LOOK_MS = 60_000
/** Between two transactions. */
const PAUSE_MS = 10
/** Pods that are forgotten in one transaction. */
const PODS_BATCH = 100
/**
 * A pod that ended so long before the oldest record has none left: what it had asked before it ended was
 * decided soon after.
 */
const POD_MARGIN_MS = 3_600_000
/** Room in the file that is kept for what comes; the rest goes back to the volume. */
const REUSABLE_BYTES_MAX = 16 * 1024 * 1024
/** Bytes that the file gives back in one step: pages are moved for them, in about a millisecond. */
const SHRINK_BYTES = 64 * 1024

export interface RetentionDeps {
  readonly store: Pick<Store, 'auditEvents' | 'bindings' | 'size' | 'shrink' | 'checkpoint'> & {
    readonly recordings: Pick<RecordingStore, 'sweep'>
  }
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
  readonly #pace = new SweepPace()
  /** Removals that this process has put on record: they are no traffic. */
  #removals = 0
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
    // What a former process has removed and not swept comes first.
    await this.#sweep()
    while (!this.#stopping.signal.aborted) {
      const removal = await this.#removeOnce()
      if (removal === undefined) break
      this.#removals += 1
      removed += removal.decisions
      this.#deps.onRemoval?.(removal)
      // Before it is looked at again whether there is room.
      if (removal.recordings !== undefined) await this.#deps.store.recordings.sweep()
      await this.#sweep()
    }
    return removed
  }

  async #sweep(): Promise<void> {
    const { auditEvents } = this.#deps.store
    while (!this.#stopping.signal.aborted) {
      const traffic = auditEvents.newest() - this.#removals
      const limit = this.#pace.next(traffic, this.#deps.clock.monotonicMs())
      if ((await auditEvents.sweep(limit)) === 0) return
      await this.#pause(PAUSE_MS)
    }
  }

  async #removeOnce(): Promise<Removal | undefined> {
    for (const due of this.#due()) {
      const request = { ...due, limit: this.#pace.removal(), nowMs: this.#deps.clock.nowMs() }
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
    let shrunk = false
    while (!this.#stopping.signal.aborted) {
      const { reusableBytes } = store.size()
      if (reusableBytes <= REUSABLE_BYTES_MAX || !store.shrink(SHRINK_BYTES)) break
      shrunk = true
      await this.#pause(PAUSE_MS)
    }
    // The file itself becomes smaller when the log is copied into it.
    if (shrunk) store.checkpoint()
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
