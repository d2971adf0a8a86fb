import type { ChainPrincipal } from '../chain.ts'

/** Why a chain may do nothing any more. */
export interface ChainLapse {
  readonly reason: 'chain_expired' | 'chain_revoked' | 'requester_gone' | 'pod_ended'
  readonly refusedBy: ChainPrincipal
  /** Name of the ChainRevocation; empty for the others. */
  readonly rule: string
  /** For people: what happened, and what to do. */
  readonly why: string
}

/** The root requester has not been seen for longer than chains last. */
export function expiredLapse(root: ChainPrincipal, ageMaxText: string): ChainLapse {
  return {
    reason: 'chain_expired',
    refusedBy: root,
    rule: '',
    why: `the chain has ended: its root requester was last seen for it more than ${ageMaxText} ago. Let ${root.user.username} restart what the pod comes from (kubectl rollout restart; a pod alone is deleted and created again), or let the user who answers for it now delete it and create it again`,
  }
}

/** A service account that stands in the chain was deleted, or is another one of the same name. */
export function goneLapse(principal: ChainPrincipal): ChainLapse {
  return {
    reason: 'requester_gone',
    refusedBy: principal,
    rule: '',
    why: 'that service account was deleted since, and nobody else answers for this chain; delete what the pod comes from, and create it again',
  }
}

/** Whoever asks holds a credential of a pod that runs no more. */
export function endedLapse(root: ChainPrincipal, endedAt: string): ChainLapse {
  return {
    reason: 'pod_ended',
    refusedBy: root,
    rule: '',
    why: `the pod ended at ${endedAt}, and its credentials are worth nothing since. Whoever needs this runs a pod of their own; a request that comes from elsewhere than this pod should be looked into`,
  }
}

/** Somebody ended the chains of a requester. */
export function revokedLapse(
  principal: ChainPrincipal,
  revocation: { readonly name: string; readonly revokedBy: string; readonly reason: string },
): ChainLapse {
  const { name, revokedBy, reason } = revocation
  const by = `${JSON.stringify(revokedBy)} ended it (ChainRevocation ${name}: ${JSON.stringify(reason)})`
  return {
    reason: 'chain_revoked',
    refusedBy: principal,
    rule: name,
    why: `the chain was revoked: ${by}. The user who answers for it now deletes what the pod comes from, and creates it again`,
  }
}
