import { type ChainPrincipal, chainPrincipals } from '../../core/chain.ts'
import { humanDuration } from '../../core/kubernetes/human-duration.ts'
import { parseServiceAccountUsername } from '../../core/kubernetes/user-info.ts'
import {
  type ChainLapse,
  endedLapse,
  expiredLapse,
  goneLapse,
  revokedLapse,
} from '../../core/policy/chain-lapse.ts'
import type { ChainRevocation } from '../../core/policy/chain-revocation.ts'
import type { PodBinding } from '../store/pod-binding-store.ts'

/** A service account that exists. */
export interface KnownAccount {
  readonly uid: string
  readonly createdAtMs: number
}

/** Tells whether a chain may still do anything. */
export interface ChainLapses {
  /** Why the chain of a pod may do nothing any more; undefined while it may. Costs a few look-ups. */
  lapseOf(binding: PodBinding): ChainLapse | undefined
  /** When a chain ends for its age, in Unix milliseconds; Infinity for never. */
  endsAtMs(binding: Pick<PodBinding, 'renewedAtMs'>): number
  /** What callers are told while the chain ends soon; empty before. */
  warningOf(binding: Pick<PodBinding, 'renewedAtMs' | 'chain'>): string
}

/** How long before its end a chain's callers are warned, or a tenth of the age where that is less. */
export const WARNED_MS_MAX = 7 * 24 * 3_600_000

/**
 * How much later than a pod an ancestor's service account may seem to have been made, since the times
 * come from two clocks.
 */
const CLOCKS_MS_MAX = 60_000

interface Account {
  readonly principal: ChainPrincipal
  readonly namespace: string
  readonly name: string
}

/** Looks at whether the pod has ended, at the age of a chain, at the service accounts in it, and at revocations. */
export function createChainLapses(deps: {
  /** 0 means that chains do not end for their age. */
  readonly ageMsMax: number
  readonly account: (namespace: string, name: string) => KnownAccount | undefined
  /** When the pod of a binding ended, in Unix milliseconds; undefined while it may run. */
  readonly podEndedAtMs: (binding: PodBinding) => number | undefined
  readonly revocationsOf: (username: string) => readonly ChainRevocation[]
  readonly now: () => number
}): ChainLapses {
  const ageMaxText = humanDuration(deps.ageMsMax)

  function endsAtMs({ renewedAtMs }: Pick<PodBinding, 'renewedAtMs'>): number {
    return deps.ageMsMax === 0 ? Number.POSITIVE_INFINITY : renewedAtMs + deps.ageMsMax
  }

  function isGone({ principal, namespace, name }: Account, boundAtMs: number): boolean {
    const account = deps.account(namespace, name)
    if (account === undefined) return true
    const { uid } = principal.user
    if (uid !== '') return account.uid !== uid
    // Of an ancestor no UID is known, but it was there before the pod that it launched.
    return principal.role === 'ancestor' && account.createdAtMs > boundAtMs + CLOCKS_MS_MAX
  }

  function revocationOf(binding: PodBinding): ChainLapse | undefined {
    for (const principal of principalsOf(binding)) {
      const found =
        principal.role === 'ancestor'
          ? undefined
          : deps
              .revocationsOf(principal.user.username)
              .find((revocation) => ends(revocation, principal, binding))
      if (found !== undefined) return revokedLapse(principal, found)
    }
    return undefined
  }

  function endOf(binding: PodBinding): ChainLapse | undefined {
    const endedAtMs = deps.podEndedAtMs(binding)
    const [root] = principalsOf(binding)
    if (endedAtMs === undefined || root === undefined) return undefined
    return endedLapse(root, new Date(endedAtMs).toISOString())
  }

  return {
    endsAtMs,
    warningOf(binding) {
      const endsAt = endsAtMs(binding)
      if (deps.now() < endsAt - Math.min(WARNED_MS_MAX, deps.ageMsMax / 10)) return ''
      const root = binding.chain.rootRequester.username
      return `lanyard: the chain of this pod ends at ${new Date(endsAt).toISOString()}, unless ${JSON.stringify(root)} restarts what it comes from before`
    },
    lapseOf(binding) {
      const ended = endOf(binding)
      if (ended !== undefined) return ended
      const revoked = revocationOf(binding)
      if (revoked !== undefined) return revoked
      const gone = accountsOf(binding).find((account) => isGone(account, binding.boundAtMs))
      if (gone !== undefined) return goneLapse(gone.principal)
      const [root] = principalsOf(binding)
      const expired = root !== undefined && endsAtMs(binding) <= deps.now()
      return expired ? expiredLapse(root, ageMaxText) : undefined
    },
  }
}

/**
 * A root requester who was seen again afterwards has begun again. Since when somebody else is a requester
 * is not on record: it counts from the beginning of the chain, so that nobody else's restart undoes it.
 */
function ends(
  { requester, sinceMs, revokedAtMs }: ChainRevocation,
  { role }: ChainPrincipal,
  { beganAtMs, renewedAtMs }: PodBinding,
): boolean {
  if (role === 'root requester') return renewedAtMs <= revokedAtMs && renewedAtMs >= sinceMs
  return requester === 'Any' && beganAtMs <= revokedAtMs
}

/* A binding is never changed, so what is in it is listed once. */
const principals = new WeakMap<PodBinding, readonly ChainPrincipal[]>()
const accounts = new WeakMap<PodBinding, readonly Account[]>()

/** Everyone of a pod's chain, as `chainPrincipals`; listed once for each binding. */
export function principalsOf(binding: PodBinding): readonly ChainPrincipal[] {
  let known = principals.get(binding)
  if (known === undefined) {
    known = chainPrincipals(binding.chain)
    principals.set(binding, known)
  }
  return known
}

function accountsOf(binding: PodBinding): readonly Account[] {
  let known = accounts.get(binding)
  if (known === undefined) {
    known = principalsOf(binding).flatMap((principal) => {
      const account = parseServiceAccountUsername(principal.user.username)
      return account === undefined ? [] : [{ principal, ...account }]
    })
    accounts.set(binding, known)
  }
  return known
}
