import type { Question } from '../../core/authorization/question.ts'
import type { Revoked } from '../../proxy/judgement/authorizer.ts'

interface AllowedRequest {
  readonly question: Question
  cut?: (revoked: Revoked) => void
  revokedWith?: Revoked
}

/**
 * Requests that a decision let through and that have not ended. A revocation may come before its
 * request knows that it was allowed (both can be in one packet), so it is kept until someone asks.
 */
export class AllowedRequests {
  readonly #byDecision = new Map<string, AllowedRequest>()

  add(decisionId: string, question: Question): void {
    this.#byDecision.set(decisionId, { question })
  }

  /** Their decisions, each with what was asked, for a stream that is to watch over them from now on. */
  questions(): readonly (readonly [decisionId: string, question: Question])[] {
    return [...this.#byDecision].map(([decisionId, { question }]) => [decisionId, question])
  }

  remove(decisionId: string): void {
    this.#byDecision.delete(decisionId)
  }

  /** Calls back when the decision is revoked, immediately if it was already. */
  onRevoked(decisionId: string, cut: (revoked: Revoked) => void): void {
    const request = this.#byDecision.get(decisionId)
    if (request === undefined) return
    if (request.revokedWith !== undefined) cut(request.revokedWith)
    else request.cut = cut
  }

  revoke(decisionId: string, revoked: Revoked): void {
    const request = this.#byDecision.get(decisionId)
    if (request === undefined) return
    request.revokedWith = revoked
    request.cut?.(revoked)
  }
}
