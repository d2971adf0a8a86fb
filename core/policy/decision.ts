import type { HeldRule } from '../approvals/access-request.ts'
import { assert } from '../assert.ts'
import type { ChainPrincipal } from '../chain.ts'
import type { PolicyRule } from './access-policy.ts'
import type { GuardName } from './guard-names.ts'
import { type Obligations, unionOf } from './obligations.ts'

export type DenyReason =
  | 'verb_unknown'
  | 'chain_unknown'
  | 'chain_closed'
  | 'chain_expired'
  | 'chain_revoked'
  | 'requester_gone'
  | 'pod_ended'
  | 'guard'
  | 'policy_invalid'
  | 'policy_denies'
  | 'no_rule'
  | 'limit_invalid'
  | 'limit_denies'
  | 'above_ceiling'
  | 'command_denied'
  | 'rbac_denies'
  | 'access_unknown'
  | 'default_denies'

/** One rule that matched a request. */
export interface MatchedRule {
  /** `policy/rule` */
  readonly name: string
  readonly effect: PolicyRule['effect']
}

/** The rules that matched for one principal, in the order of its policies. */
export interface PrincipalMatches {
  readonly principal: ChainPrincipal
  readonly rules: readonly MatchedRule[]
}

interface Matched {
  /** For each principal for whom a rule matched, which ones did: what `explain` shows. */
  readonly matches: readonly PrincipalMatches[]
}

/** The request may pass, if the obligations are carried out. */
export interface Allow extends Matched {
  readonly effect: 'allow'
  readonly reason: 'policy_allows' | 'rbac_allows' | 'approved'
  /** `policy/rule` that allowed the root requester; empty where RBAC did. */
  readonly rule: string
  /** Of every principal and every matched rule together. */
  readonly obligations: Obligations
  /** Whether a condition had a say: the same request may have another answer later. Absent: none had. */
  readonly conditional?: boolean
}

/** The request would be allowed, but somebody has to approve it first. */
export interface Hold extends Matched {
  readonly effect: 'hold'
  readonly reason: 'approval_required'
  /** The first principal whose rule asks for an approval. */
  readonly heldFor: ChainPrincipal
  /** `policy/rule` that asks for it. */
  readonly rule: string
  /** Every rule that asks for one, of every principal: each has to be satisfied. */
  readonly held: readonly HeldRule[]
  /** What will have to be done once it is approved. */
  readonly obligations: Obligations
}

/** The request may not pass. */
export interface Deny extends Matched {
  readonly effect: 'deny'
  readonly reason: DenyReason
  /** The principal that may not; absent where the request itself is refused. */
  readonly refusedBy?: ChainPrincipal
  /** `policy/rule`, policy, or guard; empty where none decided. */
  readonly rule: string
  readonly guard?: GuardName
  /** What is wrong besides, in words; absent where the reason says it all. */
  readonly detail?: string
  /** Whether the body of the request has to come in another media type to be judged. */
  readonly wrongMediaType?: true
  /** Of a chain that may do nothing any more: the words for a person. */
  readonly why?: string
}

/** What `evaluate` answers. Deny beats hold, and hold beats allow. */
export type Decision = Allow | Hold | Deny

/**
 * The one answer to a request that all of these are about, the most important first: the first deny,
 * else the first hold, else the first allow, with the matches and the obligations of all.
 */
export function strictest(decisions: readonly Decision[]): Decision {
  const matches = decisions.flatMap((decision) => decision.matches)
  const refused = decisions.find(({ effect }) => effect === 'deny')
  if (refused !== undefined) return { ...refused, matches }
  const passing = decisions.filter((decision) => decision.effect !== 'deny')
  const chosen = passing.find(({ effect }) => effect === 'hold') ?? passing[0]
  assert(chosen !== undefined, 'nothing is decided about nobody')
  const obligations = unionOf(passing.map((decision) => decision.obligations))
  if (chosen.effect !== 'hold') return { ...chosen, matches, obligations }
  const held = passing.flatMap((decision) => (decision.effect === 'hold' ? decision.held : []))
  return { ...chosen, held, matches, obligations }
}
