import {
  CHAIN_ACTORS_MAX,
  closeChain,
  type DelegationChain,
  UNATTRIBUTED,
  userKey,
  withCoRequester,
} from '../../core/chain.ts'
import { Fault } from '../../core/fault.ts'
import { isBuiltInController } from '../../core/kubernetes/built-in-controllers.ts'
import { serviceAccountUser, type UserInfo } from '../../core/kubernetes/user-info.ts'

/** A chain in which nothing has been launched yet. */
export function newChain(rootRequester: UserInfo): DelegationChain {
  return { rootRequester, coRequesters: [], actors: [] }
}

const TOKEN_EXTRA_PREFIX = 'authentication.kubernetes.io/'

/**
 * Keys, in lower case, that describe a credential or a session in clusters of large providers: the
 * access key that aws-iam-authenticator saw, and the assertions of Google's authenticator, which are
 * secrets besides.
 */
const SESSION_EXTRA = [
  'accesskeyid',
  'sigs.k8s.io/aws-iam-authenticator/accesskeyid',
  'iam.gke.io/user-assertion',
  'user-assertion.cloud.google.com',
]

/**
 * A user as they are put on record: without what describes one credential of theirs, so that
 * tomorrow's token belongs to the same requester. Authorizers decide by user, groups and the rest
 * of the extra, which stays: it may narrow what a session may do. A controller of the cluster acts for
 * others, and where it cannot be told for whom, it is nobody.
 */
export function toRequester(user: UserInfo): UserInfo {
  if (isBuiltInController(user)) return UNATTRIBUTED
  const extra = Object.entries(user.extra).filter(
    ([key]) => !key.startsWith(TOKEN_EXTRA_PREFIX) && !SESSION_EXTRA.includes(key.toLowerCase()),
  )
  return { ...user, extra: Object.fromEntries(extra) }
}

/** Everyone who stands behind a chain: its requesters, and the account of each pod in it. */
export function everyoneOf(chain: DelegationChain): readonly UserInfo[] {
  const accounts = chain.actors.map((actor) =>
    serviceAccountUser(actor.namespace, actor.serviceAccount),
  )
  return [chain.rootRequester, ...chain.coRequesters, ...accounts]
}

/** Adds everyone of another chain, but for pods that both have: they are ancestors already. */
export function withEveryoneOf(chain: DelegationChain, other: DelegationChain): DelegationChain {
  const own = new Set(chain.actors.map(({ podUid }) => podUid))
  const actors = other.actors.filter(({ podUid }) => !own.has(podUid))
  const joined = everyoneOf({ ...other, actors }).reduce(withCoRequester, chain)
  return other.closed === undefined ? joined : closeChain(joined, other.closed)
}

/** Throws `permission_denied` for a chain that is longer than is judged. */
export function checkLength(chain: DelegationChain): DelegationChain {
  if (chain.actors.length > CHAIN_ACTORS_MAX) {
    throw new Fault('permission_denied', `The chain is longer than ${CHAIN_ACTORS_MAX} launches`)
  }
  return chain
}

/** Whether two chains began with the same principal. */
export function haveSameRoot(one: DelegationChain, other: DelegationChain): boolean {
  return userKey(one.rootRequester) === userKey(other.rootRequester)
}
