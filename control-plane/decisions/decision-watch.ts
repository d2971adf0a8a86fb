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
  const open = new Map<string, WatchedDecision>()
  /** Decisions to judge again, earliest deadline first, each with the time until which it may go without an answer. */
  const due = new Map<WatchedDecision, number>()
  /** Decisions that no answer came for. */
  const unanswered = new Map<WatchedDecision, number>()
  let changes = 0
  let judging = 0
  let scheduled = false
  let settling: NodeJS.Timeout | undefined

  function judgeSoon(decision: WatchedDecision, untilMs: number): void {
    // Whatever has waited for an answer since an earlier change waits no longer for this one.
    due.set(decision, Math.min(untilMs, due.get(decision) ?? unanswered.get(decision) ?? untilMs))
    schedule()
  }

  function schedule(): void {
    if (scheduled || due.size === 0) return
    scheduled = true
    // Others run in between: each that is judged from memory is done immediately.
    setImmediate(judgeSome)
  }

  function judgeSome(): void {
    scheduled = false
    for (const [decision, untilMs] of due) {
      if (judging >= CONCURRENT_MAX) return
      due.delete(decision)
      judging += 1
      void judge(decision, untilMs).finally(() => {
        judging -= 1
        schedule()
      })
    }
  }

  async function judge(decision: WatchedDecision, untilMs: number): Promise<void> {
    const { binding, question, decisionId } = decision
    // It may have ended meanwhile, or moved to another stream, which judges it for itself.
    if (open.get(keyOf(decision)) !== decision) return
    try {
      if (await decider.stillAllows(binding, question)) return
    } catch (error) {
      // Not knowing is no: what cannot be judged again in time does not go on.
      if (performance.now() < untilMs) return retryLater(decision, untilMs)
      logger.warn({ error, decisionId }, 'Cannot judge an open request again')
    }
    if (open.get(keyOf(decision)) !== decision) return
    open.delete(keyOf(decision))
    logger.info({ decisionId }, 'Revoked')
    decision.revoke('what allowed this request no longer does')
  }

  function retryLater(decision: WatchedDecision, untilMs: number): void {
    if (unanswered.size === 0) setTimeout(retryAll, times.retryMs)
    unanswered.set(decision, untilMs)
  }

  function retryAll(): void {
    for (const [decision, untilMs] of unanswered) judgeSoon(decision, untilMs)
    unanswered.clear()
  }

  function resume(decision: WatchedDecision): void {
    open.set(keyOf(decision), decision)
    judgeSoon(decision, performance.now() + times.answerMsMax)
  }

  function recheck(changedAtMs = performance.now()): void {
    changes += 1
    if (settling !== undefined || open.size === 0) return
    settling = setTimeout(() => {
      settling = undefined
      for (const decision of open.values()) judgeSoon(decision, changedAtMs + times.answerMsMax)
    }, times.settleMs)
  }

  function recheckWhere(concerns: (binding: PodBinding) => boolean): void {
    changes += 1
    const untilMs = performance.now() + times.answerMsMax
    for (const decision of open.values()) {
      if (concerns(decision.binding)) judgeSoon(decision, untilMs)
    }
  }

  return {
    changes: () => changes,
    open(decision, since) {
      if (since === changes) open.set(keyOf(decision), decision)
      else resume(decision)
    },
    resume,
    close: (podUid, decisionId) => void open.delete(watchedDecisionKey(podUid, decisionId)),
    release(decision) {
      if (open.get(keyOf(decision)) === decision) open.delete(keyOf(decision))
    },
    recheck,
    recheckWhere,
    size: () => open.size,
  }
}

function keyOf({ binding, decisionId }: WatchedDecision): string {
  return watchedDecisionKey(binding.podUid, decisionId)
}

/** A sidecar chooses what it sends as the id of a decision. */
export function watchedDecisionKey(podUid: string, decisionId: string): string {
  return textKey([podUid, decisionId])
}
