import type { Question } from '../../core/authorization/question.ts'

/** Requests that a decision let through and that have not ended. */
export interface OpenDecisions {
  add(decisionId: string, question: Question): void
  /** Each of them with what was asked, for a stream that is to watch over them from now on. */
  forEach(visit: (decisionId: string, question: Question) => void): void
  remove(decisionId: string): void
  /** Calls back when the decision is revoked, at once if it was already. */
  onRevoked(decisionId: string, cut: (message: string) => void): void
  revoke(decisionId: string, message: string): void
}

interface OpenDecision {
  readonly question: Question
  cut?: (message: string) => void
  revokedWith?: string
}

/**
 * A revocation may come before its request knows that it was allowed (both can be in one packet), so
 * it is kept until someone asks.
 */
export function createOpenDecisions(): OpenDecisions {
  const decisions = new Map<string, OpenDecision>()
  return {
    add: (decisionId, question) => {
      decisions.set(decisionId, { question })
    },
    forEach: (visit) => {
      for (const [decisionId, { question }] of decisions) visit(decisionId, question)
    },
    remove: (decisionId) => {
      decisions.delete(decisionId)
    },
    onRevoked: (decisionId, cut) => {
      const decision = decisions.get(decisionId)
      if (decision === undefined) return
      if (decision.revokedWith !== undefined) cut(decision.revokedWith)
      else decision.cut = cut
    },
    revoke: (decisionId, message) => {
      const decision = decisions.get(decisionId)
      if (decision === undefined) return
      decision.revokedWith = message
      decision.cut?.(message)
    },
  }
}
