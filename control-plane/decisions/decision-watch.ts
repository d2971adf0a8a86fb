import type { Question } from '../../core/authorization/question.ts'
import { textKey } from '../../core/text-key.ts'
import type { Logger } from '../../platform/logger.ts'
import type { PodBinding } from '../store/pod-binding-store.ts'
import type { Decider } from './decide.ts'

/** An allowed request whose outcome is still to come: a watch, a followed log, a tunnel, a slow answer. */
export interface WatchedDecision {
  readonly decisionId: string
  readonly binding: PodBinding
  readonly question: Question
  readonly revoke: (why: string) => void
}

/** What is open, by pod and decision: no pod reaches another's, whatever id it names. */
export interface DecisionWatch {
  /** How often what decisions rest on has changed; read before a decision is made. */
  changes(): number
  /** Watches over a decision; when something changed since `changes` was read it is judged again. */
  open(decision: WatchedDecision, changes: number): void
  /** As `open`, for a request that an earlier stream watched over; judged again immediately. */
  resume(decision: WatchedDecision): void
  close(podUid: string, decisionId: string): void
  /** Forgets a decision unless another stream has resumed it since. */
  release(decision: WatchedDecision): void
  /**
   * Something that decisions rest on has changed, at `changedAtMs` of `performance.now()` or just now:
   * those that no longer hold are revoked.
   */
  recheck(changedAtMs?: number): void
  /** The same immediately, for those of which something has changed. */
  recheckWhere(concerns: (binding: PodBinding) => boolean): void
  size(): number
}

export interface RecheckTimes {
  /** Changes come in bursts. */
  readonly settleMs: number
  /**
   * How long after a change an answer may stay away before it counts as no. When kube-apiserver starts
   * again, what it tells of comes back piece by piece; the answer must come within two seconds.
   */
  readonly answerMsMax: number
  /** Between two tries to get an answer. */
  readonly retryMs: number
}

const TIMES: RecheckTimes = { settleMs: 100, answerMsMax: 1_800, retryMs: 150 }
/** How many are judged at the same time. Thousands can be open, and each may cost a review that decisions wait for as well. */
const CONCURRENT_MAX = 32

/** Keeps what is open and judges it again; the state lives as long as the process. */
export function createDecisionWatch(
  decider: Pick<Decider, 'stillAllows'>,
  logger: Logger,
  times = TIMES,
): DecisionWatch {
  return new OpenDecisions(decider, logger, times)
}

class OpenDecisions implements DecisionWatch {
  readonly #decider: Pick<Decider, 'stillAllows'>
  readonly #logger: Logger
  readonly #times: RecheckTimes
  readonly #open = new Map<string, WatchedDecision>()
  /** Decisions to judge again, earliest deadline first, each with the time until which it may go without an answer. */
  readonly #due = new Map<WatchedDecision, number>()
  /** Decisions that no answer came for. */
  readonly #unanswered = new Map<WatchedDecision, number>()
  #changes = 0
  #judging = 0
  #scheduled = false
  #settling: NodeJS.Timeout | undefined

  constructor(decider: Pick<Decider, 'stillAllows'>, logger: Logger, times: RecheckTimes) {
    this.#decider = decider
    this.#logger = logger
    this.#times = times
  }

  changes(): number {
    return this.#changes
  }

  size(): number {
    return this.#open.size
  }

  open(decision: WatchedDecision, since: number): void {
    if (since === this.#changes) this.#open.set(keyOf(decision), decision)
    else this.resume(decision)
  }

  close(podUid: string, decisionId: string): void {
    this.#open.delete(watchedDecisionKey(podUid, decisionId))
  }

  release(decision: WatchedDecision): void {
    if (this.#open.get(keyOf(decision)) === decision) this.#open.delete(keyOf(decision))
  }

  #judgeSoon(decision: WatchedDecision, untilMs: number): void {
    // Whatever has waited for an answer since an earlier change waits no longer for this one.
    this.#due.set(
      decision,
      Math.min(untilMs, this.#due.get(decision) ?? this.#unanswered.get(decision) ?? untilMs),
    )
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled || this.#due.size === 0) return
    this.#scheduled = true
    // Others run in between: each that is judged from memory is done immediately.
    setImmediate(() => this.#judgeSome())
  }

  #judgeSome(): void {
    this.#scheduled = false
    for (const [decision, untilMs] of this.#due) {
      if (this.#judging >= CONCURRENT_MAX) return
      this.#due.delete(decision)
      this.#judging += 1
      void this.#judge(decision, untilMs).finally(() => {
        this.#judging -= 1
        this.#schedule()
      })
    }
  }

  async #judge(decision: WatchedDecision, untilMs: number): Promise<void> {
    const { binding, question, decisionId } = decision
    // It may have ended meanwhile, or moved to another stream, which judges it for itself.
    if (this.#open.get(keyOf(decision)) !== decision) return
    try {
      if (await this.#decider.stillAllows(binding, question)) return
    } catch (error) {
      // Not knowing is no: what cannot be judged again in time does not go on.
      if (performance.now() < untilMs) return this.#retryLater(decision, untilMs)
      this.#logger.warn({ error, decisionId }, 'Cannot judge an open request again')
    }
    if (this.#open.get(keyOf(decision)) !== decision) return
    this.#open.delete(keyOf(decision))
    this.#logger.info({ decisionId }, 'Revoked')
    decision.revoke('what allowed this request no longer does')
  }

  #retryLater(decision: WatchedDecision, untilMs: number): void {
    if (this.#unanswered.size === 0) setTimeout(() => this.#retryAll(), this.#times.retryMs)
    this.#unanswered.set(decision, untilMs)
  }

  #retryAll(): void {
    for (const [decision, untilMs] of this.#unanswered) this.#judgeSoon(decision, untilMs)
    this.#unanswered.clear()
  }

  resume(decision: WatchedDecision): void {
    this.#open.set(keyOf(decision), decision)
    this.#judgeSoon(decision, performance.now() + this.#times.answerMsMax)
  }

  recheck(changedAtMs = performance.now()): void {
    this.#changes += 1
    if (this.#settling !== undefined || this.#open.size === 0) return
    this.#settling = setTimeout(() => {
      this.#settling = undefined
      for (const decision of this.#open.values())
        this.#judgeSoon(decision, changedAtMs + this.#times.answerMsMax)
    }, this.#times.settleMs)
  }

  recheckWhere(concerns: (binding: PodBinding) => boolean): void {
    this.#changes += 1
    const untilMs = performance.now() + this.#times.answerMsMax
    for (const decision of this.#open.values()) {
      if (concerns(decision.binding)) this.#judgeSoon(decision, untilMs)
    }
  }
}

function keyOf({ binding, decisionId }: WatchedDecision): string {
  return watchedDecisionKey(binding.podUid, decisionId)
}

/** A sidecar chooses what it sends as the id of a decision. */
export function watchedDecisionKey(podUid: string, decisionId: string): string {
  return textKey([podUid, decisionId])
}
