import { Fault } from '../../core/fault.ts'
import { type Clock, SYSTEM_CLOCK } from '../../platform/clock.ts'
import type { Logger } from '../../platform/logger.ts'
import type { PodBinding } from '../store/pod-binding-store.ts'
import { ChangeFollowers } from './change-followers.ts'
import type { Decider } from './decide.ts'
import { JudgingQueue } from './judging-queue.ts'
import { SYNC_GRACE_MS, SyncGrace } from './sync-grace.ts'
import {
  DENIED,
  keyOf,
  UNANSWERED,
  type WatchedDecision,
  watchedDecisionKey,
} from './watched-decision.ts'

/** What is open, by pod and decision: no pod reaches another's, whatever id it names. */
export interface DecisionWatch {
  /** How often what decisions rest on has changed; read before a decision is made. */
  changes(): number
  /** Watches over a decision; when something changed since `changes` was read it is judged again. */
  open(decision: WatchedDecision, changes: number): void
  /** As `open`, for a request that an earlier stream watched over; judged again immediately. */
  resume(decision: WatchedDecision): void
  close(podUid: string, decisionId: string): void
  /** What is open under this id, of this pod; of no other. */
  find(podUid: string, decisionId: string): WatchedDecision | undefined
  /** Forgets a decision unless another stream has resumed it since. */
  release(decision: WatchedDecision): void
  /**
   * Something that decisions rest on has changed, at `changedAtMs` of the clock's monotonic time or just
   * now: those that no longer hold are revoked.
   */
  recheck(changedAtMs?: number): void
  /** The same immediately, for those of which something has changed. */
  recheckWhere(concerns: (binding: PodBinding) => boolean): void
  /**
   * Whether changes of what decisions rest on are seen. While they are not, what cannot be judged stays
   * open for a grace; everything is judged again when they are seen again, and when the grace is over.
   */
  noteSync(inSync: boolean): void
  /** As `recheckWhere`, for what comes by time alone, which nobody who follows is told. */
  sweep(concerns: (decision: WatchedDecision) => boolean): void
  /** Who is told immediately of each change. */
  readonly followers: Pick<ChangeFollowers, 'add'>
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
  /** The same while changes are not seen: kube-apiserver is away or has enough to do. */
  readonly outOfSyncRetryMs: number
  /** How long after changes ceased to be seen an answer may stay away. */
  readonly graceMs: number
}

const TIMES: RecheckTimes = {
  settleMs: 100,
  answerMsMax: 1_800,
  retryMs: 150,
  outOfSyncRetryMs: 1_000,
  graceMs: SYNC_GRACE_MS,
}
export interface DecisionWatchDeps {
  readonly decider: Pick<Decider, 'stillAllows'>
  readonly logger: Logger
  /** Whether changes are seen from the beginning; if not, nothing is judged before they are. */
  readonly inSync: boolean
  readonly clock?: Clock
  readonly times?: RecheckTimes
}

/** Keeps what is open and judges it again; the state lives as long as the process. */
export function createDecisionWatch(deps: DecisionWatchDeps): DecisionWatch {
  return new OpenDecisions(deps)
}

class OpenDecisions implements DecisionWatch {
  readonly #decider: DecisionWatchDeps['decider']
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #times: RecheckTimes
  readonly #grace: SyncGrace
  readonly #open = new Map<string, WatchedDecision>()
  readonly #queue: JudgingQueue<WatchedDecision>
  /** Whether what decisions rest on has ever been known: what was never listed denies everything. */
  #known: boolean
  readonly followers = new ChangeFollowers()
  #changes = 0
  #settling = false

  constructor(deps: DecisionWatchDeps) {
    const { decider, logger, inSync, clock = SYSTEM_CLOCK, times = TIMES } = deps
    this.#decider = decider
    this.#logger = logger
    this.#clock = clock
    this.#times = times
    this.#known = inSync
    this.#grace = new SyncGrace({
      ...{ clock, graceMs: times.graceMs, answerMsMax: times.answerMsMax },
      onOver: () => this.#judgeAll(clock.monotonicMs()),
    })
    if (!inSync) this.#grace.lose([])
    this.#queue = new JudgingQueue({
      clock,
      retryMs: () => (this.#grace.inSync ? times.retryMs : times.outOfSyncRetryMs),
      judge: (decision, untilMs) => this.#judge(decision, untilMs),
    })
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
    this.#forget(watchedDecisionKey(podUid, decisionId))
  }

  find(podUid: string, decisionId: string): WatchedDecision | undefined {
    return this.#open.get(watchedDecisionKey(podUid, decisionId))
  }

  release(decision: WatchedDecision): void {
    if (this.#isOpen(decision)) this.#forget(keyOf(decision))
  }

  #isOpen(decision: WatchedDecision): boolean {
    return this.#open.get(keyOf(decision)) === decision
  }

  #forget(key: string): void {
    this.#open.delete(key)
    this.#grace.settle(key)
  }

  async #judge(decision: WatchedDecision, untilMs: number): Promise<void> {
    const { binding, question, decisionId, obligations } = decision
    // It may have ended meanwhile, or moved to another stream, which judges it for itself.
    if (!this.#isOpen(decision)) return
    const key = keyOf(decision)
    let cause = DENIED
    try {
      if (!this.#known) throw new Fault('decision_unavailable', 'Nothing of the cluster is known')
      if (await this.#decider.stillAllows(binding, question, obligations)) {
        if (this.#isOpen(decision)) this.#grace.settle(key)
        return
      }
    } catch (error) {
      // Not knowing is no: what cannot be judged again in time does not go on.
      const lastMs = Math.max(untilMs, this.#grace.untilMs(key))
      if (this.#clock.monotonicMs() < lastMs) return this.#queue.retryLater(decision, untilMs)
      this.#logger.warn({ error, decisionId }, 'Cannot judge an open request again')
      cause = UNANSWERED
    }
    if (!this.#isOpen(decision)) return
    this.#forget(key)
    this.#logger.info({ decisionId, why: cause.message }, 'Revoked')
    decision.revoke(cause)
  }

  #judgeAll(untilMs: number): void {
    for (const decision of this.#open.values()) this.#queue.add(decision, untilMs)
  }

  resume(decision: WatchedDecision): void {
    this.#open.set(keyOf(decision), decision)
    this.#queue.add(decision, this.#clock.monotonicMs() + this.#times.answerMsMax)
  }

  recheck(changedAtMs = this.#clock.monotonicMs()): void {
    this.#changes += 1
    this.followers.tell()
    if (this.#settling || this.#open.size === 0) return
    this.#settling = true
    this.#clock.after(this.#times.settleMs, () => {
      this.#settling = false
      this.#judgeAll(changedAtMs + this.#times.answerMsMax)
    })
  }

  recheckWhere(concerns: (binding: PodBinding) => boolean): void {
    this.followers.tell(concerns)
    this.sweep(({ binding }) => concerns(binding))
  }

  sweep(concerns: (decision: WatchedDecision) => boolean): void {
    this.#changes += 1
    const untilMs = this.#clock.monotonicMs() + this.#times.answerMsMax
    for (const decision of this.#open.values()) {
      if (concerns(decision)) this.#queue.add(decision, untilMs)
    }
  }

  noteSync(inSync: boolean): void {
    if (inSync === this.#grace.inSync) return
    if (inSync) {
      this.#known = true
      this.#grace.regain()
      this.recheck()
      return
    }
    // What is decided before the loss and opened after it is judged again as well.
    this.#changes += 1
    this.followers.tell()
    this.#grace.lose(this.#open.keys())
    const seen = { open: this.size(), graceMs: this.#times.graceMs }
    this.#logger.warn(seen, 'Changes of the cluster are not seen')
  }
}
