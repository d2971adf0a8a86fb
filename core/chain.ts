import { assert } from './assert.ts'
import { serviceAccountUser, type UserInfo } from './kubernetes/user-info.ts'

/** Longest chain that is resolved. Eight launches deep is past any use seen; a loop stops here. */
export const CHAIN_ACTORS_MAX = 16

/** Most requesters of one chain: each costs a review of every request. */
export const CHAIN_REQUESTERS_MAX = 16

/** One object on the way from an actor to the next: the Job, the ReplicaSet and its Deployment. */
export interface Via {
  readonly kind: string
  readonly name: string
}

/** A pod of the chain. */
export interface Actor {
  readonly podUid: string
  readonly namespace: string
  readonly name: string
  readonly serviceAccount: string
  /** What created it, nearest to the launcher first. Empty for a pod created directly. */
  readonly via: readonly Via[]
}

/** For whom a pod acts, and through whom. RFC 8693 would say subject and nested actors. */
export interface DelegationChain {
  readonly rootRequester: UserInfo
  /** Everyone else who could choose the code that runs. */
  readonly coRequesters: readonly UserInfo[]
  /** Outermost first; the last is the pod itself (absent while an object waits to make a pod). */
  readonly actors: readonly Actor[]
  /** Why its pods may do nothing, as the end of a sentence; absent while they may act. */
  readonly closed?: string
}

/** Whether the pod of a chain runs; `Unknown` while its end could have been missed. */
export type ChainPhase = 'Running' | 'Ended' | 'Unknown'

/** What a principal is to the chain, for messages and for records. */
export type PrincipalRole = 'root requester' | 'co-requester' | 'ancestor' | 'impersonated'

const PRINCIPAL_ROLES: readonly string[] = [
  'root requester',
  'co-requester',
  'ancestor',
  'impersonated',
] satisfies readonly PrincipalRole[]

/** Whether a text that was read names a role. */
export function isPrincipalRole(text: string): text is PrincipalRole {
  return PRINCIPAL_ROLES.includes(text)
}

export interface ChainPrincipal {
  readonly role: PrincipalRole
  readonly user: UserInfo
}

/**
 * Root requester of objects that nobody on record created: they are older than Lanyard, or came
 * from a controller that is not registered. RBAC grants this user nothing unless an admin does.
 */
export const UNATTRIBUTED: UserInfo = {
  username: 'lanyard:unattributed',
  uid: '',
  groups: [],
  extra: {},
}

/**
 * Everyone who must be able to make a request of the chain's last pod: the root requester, each
 * co-requester, and the service account of each ancestor pod. The calling pod's own service
 * account is judged by kube-apiserver, so it is not here. Each user appears once.
 */
export function chainPrincipals(chain: DelegationChain): readonly ChainPrincipal[] {
  assert(chain.actors.length > 0, 'a chain that is judged ends with the calling pod')
  const principals: ChainPrincipal[] = [
    { role: 'root requester', user: chain.rootRequester },
    ...chain.coRequesters.map((user) => ({ role: 'co-requester' as const, user })),
    ...chain.actors.slice(0, -1).map((actor) => ({
      role: 'ancestor' as const,
      user: serviceAccountUser(actor.namespace, actor.serviceAccount),
    })),
  ]
  const seen = new Set<string>()
  return principals.filter(({ user }) => {
    const key = userKey(user)
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}

/** Equal for users whom an authorizer cannot tell apart, whatever the order of groups and keys. */
export function userKey(user: UserInfo): string {
  const extra = Object.keys(user.extra)
    .sort()
    .map((key) => [key, user.extra[key]])
  return JSON.stringify([user.username, user.uid, [...user.groups].sort(), extra])
}

const TOO_MANY = `more than ${CHAIN_REQUESTERS_MAX} people and accounts chose the code that runs`

/** The chain of which nothing is allowed any more; the first reason stays. */
export function closeChain(chain: DelegationChain, reason: string): DelegationChain {
  return chain.closed === undefined ? { ...chain, closed: reason } : chain
}

/**
 * Adds a requester unless the chain has it; order of arrival is kept. A chain that is full is closed
 * instead: nobody is kept from editing an object because others did before.
 */
export function withCoRequester(chain: DelegationChain, user: UserInfo): DelegationChain {
  const known = [chain.rootRequester, ...chain.coRequesters].some(
    (requester) => userKey(requester) === userKey(user),
  )
  if (known) return chain
  if (1 + chain.coRequesters.length >= CHAIN_REQUESTERS_MAX) return closeChain(chain, TOO_MANY)
  return { ...chain, coRequesters: [...chain.coRequesters, user] }
}
