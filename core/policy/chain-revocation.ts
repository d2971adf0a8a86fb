import { Fault } from '../fault.ts'
import { serviceAccountUser } from '../kubernetes/user-info.ts'

/** Somebody's word that the chains of a principal have ended. */
export interface ChainRevocation {
  readonly name: string
  /** User name of the principal. */
  readonly username: string
  /** Whether chains count in which the principal is a co-requester only. */
  readonly requester: 'Any' | 'Root'
  /** Chains whose root was seen before go on; 0 means that none do. */
  readonly sinceMs: number
  /** When the object was made, as kube-apiserver says: to the end of that second. */
  readonly revokedAtMs: number
  readonly revokedBy: string
  readonly reason: string
}

interface Spec {
  readonly principal?: { readonly kind?: unknown; readonly name?: unknown; namespace?: unknown }
  readonly requester?: unknown
  readonly since?: unknown
  readonly revokedBy?: unknown
  readonly reason?: unknown
}

/**
 * Reads a ChainRevocation. Throws `request_invalid` for one that says something that is not known: it
 * must not be taken for one that ends less.
 */
export function parseChainRevocation(object: {
  readonly metadata?: { readonly name?: string; readonly creationTimestamp?: unknown }
  readonly spec?: unknown
}): ChainRevocation {
  const name = object.metadata?.name ?? ''
  const spec = (object.spec ?? {}) as Spec
  const requester = spec.requester ?? 'Any'
  const revokedAtMs = timeOf(object.metadata?.creationTimestamp)
  const sinceMs = spec.since === undefined ? 0 : timeOf(spec.since)
  const username = usernameOf(spec.principal)
  const known = requester === 'Any' || requester === 'Root'
  if (username === undefined || !known || Number.isNaN(revokedAtMs + sinceMs)) {
    throw new Fault('request_invalid', `ChainRevocation ${JSON.stringify(name)} is not valid`)
  }
  return {
    ...{ name, username, requester, sinceMs },
    // kube-apiserver writes whole seconds, cut off.
    revokedAtMs: revokedAtMs + 999,
    revokedBy: textOf(spec.revokedBy),
    reason: textOf(spec.reason),
  }
}

function usernameOf(principal: Spec['principal']): string | undefined {
  const { kind, name, namespace } = principal ?? {}
  if (typeof name !== 'string' || name === '') return undefined
  if (kind === 'User') return namespace === undefined ? name : undefined
  if (kind !== 'ServiceAccount' || typeof namespace !== 'string') return undefined
  return serviceAccountUser(namespace, name).username
}

function timeOf(time: unknown): number {
  return time instanceof Date ? time.getTime() : Date.parse(typeof time === 'string' ? time : '')
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
