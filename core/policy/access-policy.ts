import type { Approval } from '../approvals/approval.ts'
import type { ReadyCommandRules } from '../commands/judge-exec.ts'
import { parseServiceAccountUsername, type UserInfo } from '../kubernetes/user-info.ts'
import type { RuleCondition } from './conditions/condition.ts'
import type { Obligations } from './obligations.ts'

/** Whom a policy names, as in RBAC. */
export interface Subject {
  readonly kind: 'User' | 'Group' | 'ServiceAccount'
  readonly name: string
  /** For a ServiceAccount; empty for the others. */
  readonly namespace: string
}

/** Which requests a rule speaks of. Every list matches exactly or by `*`; an empty one matches nothing. */
export interface RuleScope {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
  /** Empty: only requests outside any namespace. */
  readonly namespaces: readonly string[]
  /** Exact names of objects; absent: any object, and requests that name none. */
  readonly resourceNames?: readonly string[]
}

/** One rule. */
export interface PolicyRule extends RuleScope {
  readonly name: string
  /** `RequireApproval` allows what somebody else has approved. */
  readonly effect: 'Allow' | 'RequireApproval' | 'Deny'
  /** What must hold besides; while nobody has said whether it holds, the rule only narrows. */
  readonly when?: RuleCondition
  /** Names of guards that this Allow lifts. */
  readonly lifts: readonly string[]
  /** What must be done to a request that the rule matches. */
  readonly obligations: Obligations
  /** Which commands an exec or attach that the rule matches may run; absent: any. */
  readonly commands?: ReadyCommandRules
  /** Of a rule with the effect RequireApproval, and of no other. */
  readonly approval?: Approval
}

/** A checked AccessPolicy. */
export interface AccessPolicy {
  readonly name: string
  readonly subjects: readonly Subject[]
  readonly rules: readonly PolicyRule[]
}

/** A policy that cannot be used; its subjects are denied until it is mended. */
export interface InvalidPolicy {
  readonly name: string
  readonly subjects: readonly Subject[]
  /** One sentence a problem, each beginning with the path of the field. */
  readonly problems: readonly string[]
}

/** Whether a subject names a user. A subject called `*` names nobody, as in RBAC. */
export function subjectNames(subject: Subject, user: UserInfo): boolean {
  switch (subject.kind) {
    case 'User':
      return subject.name === user.username
    case 'Group':
      return user.groups.includes(subject.name)
    case 'ServiceAccount': {
      const account = parseServiceAccountUsername(user.username)
      return account?.name === subject.name && account.namespace === subject.namespace
    }
    default:
      return false
  }
}

/** Whether any of a policy's subjects names a user. */
export function policyNames(subjects: readonly Subject[], user: UserInfo): boolean {
  return subjects.some((subject) => subjectNames(subject, user))
}

const RULE_EFFECTS: readonly string[] = [
  'Allow',
  'RequireApproval',
  'Deny',
] satisfies readonly PolicyRule['effect'][]

/** Whether a text that was read is the effect of a rule. */
export function isRuleEffect(text: string): text is PolicyRule['effect'] {
  return RULE_EFFECTS.includes(text)
}
