import type { Logger } from '../../platform/logger.ts'
import type { Decider, Question } from '../decide.ts'
import type { PodBinding } from '../store/pod-binding-store.ts'

/** An allowed request whose outcome is still to come: a watch, a followed log, a tunnel, a slow answer. */
export interface OpenDecision {
  readonly decisionId: string
  readonly binding: PodBinding
  readonly question: Question
  readonly revoke: (why: string) => void
}

/** What is open, by pod and decision: no pod reaches another's, whatever id it names. */
export interface OpenDecisions {
  /** How often what decisions rest on has changed; read before a decision is made. */
  changes(): number
  /** Watches over a decision; when something changed since `changes` was read it is judged again. */
  open(decision: OpenDecision, changes: number): void
  /** As `open`, for a request that an earlier stream watched over; judged again at once. */
  resume(decision: OpenDecision): void
  close(podUid: string, decisionId: string): void
  /** Forgets a decision unless another stream has resumed it since. */
  release(decision: OpenDecision): void
  /** Something that decisions rest on has changed: those that no longer hold are revoked. */
  recheck(): void
  size(): number
}

/** Changes come in bursts; the answer must come within two seconds of the last. */
const SETTLE_MS = 100

export function createOpenDecisions(decider: Decider, logger: Logger): OpenDecisions {
  const open = new Map<string, OpenDecision>()
  let changes = 0
  let timer: NodeJS.Timeout | undefined

  async function recheckOne(decision: OpenDecision): Promise<void> {
    const { binding, question, decisionId } = decision
    const allowed = await decider.stillAllows(binding, question).catch((error: unknown) => {
      // Not knowing is no: what cannot be judged again does not go on.
      logger.warn({ error, decisionId }, 'Cannot judge an open request again')
      return false
    })
    // It may have ended meanwhile, or moved to another stream, which judges it for itself.
    if (allowed || open.get(keyOf(decision)) !== decision) return
    open.delete(keyOf(decision))
    logger.info({ decisionId }, 'Revoked')
    decision.revoke('what allowed this request no longer does')
  }

  function resume(decision: OpenDecision): void {
    open.set(keyOf(decision), decision)
    void recheckOne(decision)
  }

  return {
    changes: () => changes,
    open(decision, since) {
      if (since === changes) open.set(keyOf(decision), decision)
      else resume(decision)
    },
    resume,
    close: (podUid, decisionId) => void open.delete(key(podUid, decisionId)),
    release(decision) {
      if (open.get(keyOf(decision)) === decision) open.delete(keyOf(decision))
    },
    recheck() {
      changes += 1
      if (timer !== undefined || open.size === 0) return
      timer = setTimeout(() => {
        timer = undefined
        for (const decision of open.values()) void recheckOne(decision)
      }, SETTLE_MS)
    },
    size: () => open.size,
  }
}

function keyOf({ binding, decisionId }: OpenDecision): string {
  return key(binding.podUid, decisionId)
}

function key(podUid: string, decisionId: string): string {
  return `${podUid} ${decisionId}`
}
