import { setImmediate as letOthersRun } from 'node:timers/promises'
import type { ChainPhase } from '../../core/chain.ts'
import type { Logger } from '../../platform/logger.ts'
import type { LivingPods } from '../kubernetes/living-pods.ts'
import { SESSION_MS_MAX } from '../sessions.ts'
import type { PodBinding, PodBindingStore, UnendedPod } from '../store/pod-binding-store.ts'

export interface PodEndsDeps {
  readonly bindings: Pick<PodBindingStore, 'markEnded' | 'listUnended'>
  /** Asked only after the first list. */
  readonly living: () => Pick<LivingPods, 'has' | 'isSynced'>
  /** Pods on record have ended; called before anybody is told so. */
  readonly onEnded: (podUids: ReadonlySet<string>) => void
  readonly logger: Logger
  readonly now: () => number
  readonly retryMs?: number
}

/**
 * How long after its admission a pod may still be stored. kube-apiserver ends a request after a minute unless
 * it is told otherwise (--request-timeout), and the answer of a watch may be late.
 */
export const STORED_MS_MAX = 5 * 60_000
/** The same of a pod whose sidecar has enrolled: it was stored, and the list may be some seconds older than that. */
export const ENROLLED_MS_MAX = 30_000
/** Sessions hold a binding as it was when they began. */
const REMEMBERED_MS = 2 * SESSION_MS_MAX
/** Pods of one transaction: more would hold up decisions. */
const BATCH = 200
const RETRY_MS = 1_000

/**
 * Puts on record when pods end: as they are told, and those that ended unseen when everything is listed. A
 * pod of which nothing is known counts as one that runs.
 */
export class PodEnds {
  readonly #deps: PodEndsDeps
  /** By UID, those that are forgotten first standing first. */
  readonly #recent = new Map<string, { readonly endedAtMs: number; readonly untilMs: number }>()
  /** UIDs that are still to be put on record, with when. */
  readonly #waiting = new Map<string, number>()
  #writing: Promise<void> = Promise.resolve()
  #sweeping: Promise<void> = Promise.resolve()
  #swept = false
  #count = 0

  constructor(deps: PodEndsDeps) {
    this.#deps = deps
  }

  /** A pod was seen to have ended. It may be one that is not on record, and may be told twice. */
  gone(podUid: string): void {
    if (podUid === '') return
    this.#waiting.set(podUid, this.#deps.now())
    this.#writing = this.#writing.then(() => this.#write())
  }

  /** Pods that were bound long enough before `beganAtMs`, and do not live, have ended unseen. */
  listed(beganAtMs: number): void {
    this.#sweeping = this.#sweeping.then(() => this.#sweep(beganAtMs))
  }

  /**
   * When a pod ended, in Unix milliseconds; undefined for one that has not, as far as is known. What
   * kube-apiserver lists as running has not, whatever was concluded before.
   */
  endedAtMs(binding: PodBinding): number | undefined {
    const { podUid } = binding
    const endedAtMs =
      binding.endedAtMs ?? this.#recent.get(podUid)?.endedAtMs ?? this.#waiting.get(podUid)
    if (endedAtMs === undefined) return undefined
    const pod = binding.chain.actors.at(-1)
    return pod !== undefined && this.#deps.living().has(pod) ? undefined : endedAtMs
  }

  /** Whether a pod runs; `Unknown` while its end could be missed. */
  phaseOf(binding: PodBinding): ChainPhase {
    if (this.endedAtMs(binding) !== undefined) return 'Ended'
    return this.isKnown() ? 'Running' : 'Unknown'
  }

  /** Whether every end up to now is on record, or about to be. */
  isKnown(): boolean {
    return this.#swept && this.#deps.living().isSynced()
  }

  /** How many were put on record since the process started. */
  get count(): number {
    return this.#count
  }

  /** Resolves when what was told up to now is on record, or waits to be tried again. */
  async settled(): Promise<void> {
    await this.#sweeping
    await this.#writing
  }

  /** What came in the same turn shares a transaction, and those that come after find nothing left to do. */
  async #write(): Promise<void> {
    if (this.#waiting.size === 0) return
    try {
      await letOthersRun()
      while (this.#waiting.size > 0) await this.#record(takeSome(this.#waiting))
    } catch (error) {
      // Recorded here: nobody waits, and what failed is still in the list.
      this.#deps.logger.warn({ error }, 'Cannot put on record which pods ended')
      this.#retryLater()
    }
  }

  #retryLater(): void {
    const retry = () => {
      this.#writing = this.#writing.then(() => this.#write())
    }
    setTimeout(retry, this.#deps.retryMs ?? RETRY_MS).unref()
  }

  async #record(batch: ReadonlyMap<string, number>): Promise<void> {
    const endedAtMs = Math.min(...batch.values())
    const ended = await this.#deps.bindings.markEnded([...batch.keys()], endedAtMs)
    for (const [podUid, atMs] of batch) {
      if (this.#waiting.get(podUid) === atMs) this.#waiting.delete(podUid)
    }
    this.#remember(ended, endedAtMs)
  }

  #remember(podUids: readonly string[], endedAtMs: number): void {
    if (podUids.length === 0) return
    this.#count += podUids.length
    const nowMs = this.#deps.now()
    for (const [podUid, { untilMs }] of this.#recent) {
      if (untilMs > nowMs) break
      this.#recent.delete(podUid)
    }
    const untilMs = nowMs + REMEMBERED_MS
    for (const podUid of podUids) this.#recent.set(podUid, { endedAtMs, untilMs })
    this.#deps.onEnded(new Set(podUids))
  }

  async #sweep(beganAtMs: number): Promise<void> {
    try {
      const found = await this.#endUnseen(beganAtMs)
      this.#swept = true
      if (found > 0) this.#deps.logger.info({ pods: found }, 'Pods had ended unseen')
    } catch (error) {
      // Recorded here: the next list, or the next look, finds them.
      this.#deps.logger.warn({ error }, 'Cannot look for pods that ended unseen')
    }
  }

  async #endUnseen(beganAtMs: number): Promise<number> {
    const { bindings, living } = this.#deps
    const missed = ({ boundAtMs, enrolled, ...pod }: UnendedPod) =>
      boundAtMs <= beganAtMs - (enrolled ? ENROLLED_MS_MAX : STORED_MS_MAX) && !living().has(pod)
    let found = 0
    let afterPosition = 0
    for (;;) {
      const batch = await bindings.listUnended({ afterPosition, limit: BATCH })
      // What is known may be too little from here on.
      if (!living().isSynced()) return found
      const ended = batch.filter(missed).map(({ podUid }) => podUid)
      if (ended.length > 0) {
        const noted = await bindings.markEnded(ended, beganAtMs)
        found += noted.length
        this.#remember(noted, beganAtMs)
      }
      afterPosition = batch.at(-1)?.position ?? afterPosition
      if (batch.length < BATCH) return found
      await letOthersRun()
    }
  }
}

function takeSome(waiting: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  return new Map([...waiting].slice(0, BATCH))
}
