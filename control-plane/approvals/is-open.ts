import type { AccessGrant } from '../../core/approvals/access-request.ts'

/**
 * Whether a grant still allows something, or holds open what it allowed. One that does not is no object any more, as
 * `kubectl delete` expects; its AccessRequest and the log tell what became of it.
 */
export function isOpen({ phase }: Pick<AccessGrant, 'phase'>): boolean {
  return phase === 'Active' || phase === 'Used'
}
