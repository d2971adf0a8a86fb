import type { Question } from './question.ts'

/** A request that is held, whole: what is approved of it is what is sent. */
export interface HeldBytes {
  readonly question: Question
  /** Of the decision that holds it. */
  readonly decisionId: string
  /** HTTP method; empty for an exec, attach or port-forward, and so is `target`. */
  readonly method: string
  /** Path with the query. */
  readonly target: string
  readonly contentType: string
  readonly body: Buffer
  /** Why, in the words of the caller; empty when it does not say. */
  readonly reason: string
  /** The longest that the caller waits. */
  readonly waitMs: number
}
