/** Who may approve: a user by the exact name, or the members of a group by its exact name. */
export interface Approver {
  readonly kind: 'User' | 'Group'
  readonly name: string
}

/**
 * How much one approval allows, narrowest first: these very bytes, once; this command in this pod; whatever the rule
 * holds back.
 */
export const SCOPES = ['request', 'command', 'rule'] as const
export type ApprovalScope = (typeof SCOPES)[number]

/** What a rule with the effect RequireApproval says of its approvals. */
export interface Approval {
  /** Empty: nobody but who asks, which is break glass (`self`); never everybody. */
  readonly approvers: readonly Approver[]
  /** Break glass: the requesters themselves may answer, with a reason and an alarm. */
  readonly self: boolean
  /** How many different people have to approve; at least 1. */
  readonly minimum: number
  /** How long a grant lives, from the last approval. */
  readonly durationMs: number
  /** How long the caller's own call waits for an answer; 0 answers it immediately. */
  readonly waitMs: number
  /** How long people have to answer; then the request expires. */
  readonly answerWithinMs: number
  /** Whether an approval needs a reason. */
  readonly requireReason: boolean
  /** The widest scope that may be approved. */
  readonly widestScope: ApprovalScope
  /** SHA-256 of the whole rule as it was written, in hexadecimal: a rule that was changed is another rule. */
  readonly ruleDigest: string
}

/** Of a rule that does not say who approves: nobody does. */
export const NOBODY_APPROVES: Approval = {
  ...{ approvers: [], self: false, minimum: 1, requireReason: false },
  ...{ durationMs: 0, waitMs: 0, answerWithinMs: 0, widestScope: 'request', ruleDigest: '' },
}

/** Whether a text that was read is a scope. */
export function isScope(text: string): text is ApprovalScope {
  return (SCOPES as readonly string[]).includes(text)
}

/** Whether a scope allows no more than another does. */
export function isWithin(scope: ApprovalScope, widest: ApprovalScope): boolean {
  return SCOPES.indexOf(scope) <= SCOPES.indexOf(widest)
}
