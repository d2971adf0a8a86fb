import type { HeldRule } from '../approvals/access-request.ts'
import { NOBODY_APPROVES } from '../approvals/approval.ts'
import type { ChainPrincipal } from '../chain.ts'
import type { PolicyRule } from './access-policy.ts'

/** The rules of one principal, all of which match a request, that ask for an approval of it. */
export function heldRules(
  matched: readonly { readonly name: string; readonly rule: PolicyRule }[],
  { user }: ChainPrincipal,
): readonly HeldRule[] {
  return matched.flatMap(({ name, rule: { effect, approval = NOBODY_APPROVES } }) =>
    effect === 'RequireApproval' ? [{ name, principal: user.username, approval }] : [],
  )
}
