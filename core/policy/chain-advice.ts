import { type DelegationChain, UNATTRIBUTED } from '../chain.ts'
import { parseServiceAccountUsername } from '../kubernetes/user-info.ts'
import type { Deny, DenyReason } from './decision.ts'

/** Why nothing is allowed, and the two ways out. */
export function closedBecause(chain: DelegationChain): string {
  const object = makerOf(chain)
  return `its chain is closed: ${chain.closed ?? 'the record says so'}; make ${object} again, or have an administrator look at its code and run kubectl lanyard reset`
}

/** The object that makes the pods: the nearest to its launcher, of which others are made. */
function makerOf({ actors }: DelegationChain): string {
  const made = actors.findLast(({ via }) => via.length > 0)
  const [via] = made?.via ?? []
  return made === undefined || via === undefined
    ? 'the object that made the pod'
    : `${via.kind}/${via.name} in the namespace ${JSON.stringify(made.namespace)}`
}

const WANTS_GRANT: readonly DenyReason[] = ['rbac_denies', 'no_rule', 'default_denies']

/**
 * What was there before Lanyard has nobody to be granted anything: it is made again, or taken over.
 * What makes pods by an account of its own, such as an operator, answers for them: its rights are what
 * they may do. Empty where somebody else refused, and for what is not mended by a grant.
 */
export function grantAdvice(deny: Deny, chain: DelegationChain): string {
  if (
    deny.refusedBy?.user.username === UNATTRIBUTED.username &&
    WANTS_GRANT.includes(deny.reason)
  ) {
    return `; nobody on record answers for ${makerOf(chain)}, which may have been there before Lanyard: delete it and create it again, or have an administrator look at its code and run kubectl lanyard reset`
  }
  const root = chain.rootRequester.username
  const account = parseServiceAccountUsername(root)
  const caller = chain.actors.at(-1)
  const itself =
    caller?.namespace === account?.namespace && caller?.serviceAccount === account?.name
  const byRoot = deny.refusedBy?.user.username === root && WANTS_GRANT.includes(deny.reason)
  if (account === undefined || itself || !byRoot) return ''
  return `; the pod was made by the ServiceAccount ${account.name} of the namespace ${JSON.stringify(account.namespace)}, such as an operator's, and may do what that may: grant it this by RBAC or an AccessPolicy`
}
