/** Requests that a decision let through and that have not ended. */
export interface OpenDecisions {
  add(decisionId: string): void
  remove(decisionId: string): void
  /** Calls back when the decision is revoked, at once if it was already. */
  onRevoked(decisionId: string, cut: (message: string) => void): void
  revoke(decisionId: string, message: string): void
}

interface OpenDecision {
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
    add: (decisionId) => {
      decisions.set(decisionId, {})
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
