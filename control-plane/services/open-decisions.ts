import type { Logger } from '../../platform/logger.ts'
import type { Decider, Question } from '../decide.ts'
import type { PodBinding } from '../store/pod-binding-store.ts'

/** Allowed requests whose outcome is still to come: watches, followed logs, tunnels, slow answers. */
export interface OpenDecisions {
  open(
    decisionId: string,
    binding: PodBinding,
    question: Question,
    revoke: (why: string) => void,
  ): void
  /** As `open`, for a request that an earlier stream watched over; judged again at once. */
  resume(
    decisionId: string,
    binding: PodBinding,
    question: Question,
    revoke: (why: string) => void,
  ): void
  close(decisionId: string): void
  /** Forgets a decision unless another stream has resumed it since. */
  release(decisionId: string, revoke: (why: string) => void): void
  /** Something that decisions rest on has changed: those that no longer hold are revoked. */
  recheck(): void
  size(): number
}

interface OpenDecision {
  readonly binding: PodBinding
  readonly question: Question
  readonly revoke: (why: string) => void
}

/** Changes come in bursts; the answer must come within two seconds of the last. */
const SETTLE_MS = 100

export function createOpenDecisions(decider: Decider, logger: Logger): OpenDecisions {
  const open = new Map<string, OpenDecision>()
  let timer: NodeJS.Timeout | undefined

  async function recheckOne(decisionId: string, decision: OpenDecision): Promise<void> {
    const allowed = await decider
      .stillAllows(decision.binding, decision.question)
      .catch((error: unknown) => {
        // Not knowing is no: what cannot be judged again does not go on.
        logger.warn({ error, decisionId }, 'Cannot judge an open request again')
        return false
      })
    // It may have ended meanwhile, or moved to another stream, which judges it for itself.
    if (allowed || open.get(decisionId) !== decision) return
    open.delete(decisionId)
    logger.info({ decisionId }, 'Revoked')
    decision.revoke('what allowed this request no longer does')
  }

  return {
    open(decisionId, binding, question, revoke) {
      open.set(decisionId, { binding, question, revoke })
    },
    resume(decisionId, binding, question, revoke) {
      const decision = { binding, question, revoke }
      open.set(decisionId, decision)
      void recheckOne(decisionId, decision)
    },
    close: (decisionId) => void open.delete(decisionId),
    release(decisionId, revoke) {
      if (open.get(decisionId)?.revoke === revoke) open.delete(decisionId)
    },
    recheck() {
      if (timer !== undefined || open.size === 0) return
      timer = setTimeout(() => {
        timer = undefined
        for (const [decisionId, decision] of open) void recheckOne(decisionId, decision)
      }, SETTLE_MS)
    },
    size: () => open.size,
  }
}
