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
  close(decisionId: string): void
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
    if (allowed || !open.delete(decisionId)) return
    logger.info({ decisionId }, 'Revoked')
    decision.revoke('what allowed this request no longer does')
  }

  return {
    open(decisionId, binding, question, revoke) {
      open.set(decisionId, { binding, question, revoke })
    },
    close: (decisionId) => void open.delete(decisionId),
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
