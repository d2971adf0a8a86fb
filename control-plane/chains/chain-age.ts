import type { DelegationChain } from '../../core/chain.ts'
import type { UserInfo } from '../../core/kubernetes/user-info.ts'
import type { ChainAge, PodBinding } from '../store/pod-binding-store.ts'
import { haveSameRoot } from './requesters.ts'

/** The age of a chain that begins now. */
export function newAge(nowMs: number): ChainAge {
  return { beganAtMs: nowMs, renewedAtMs: nowMs }
}

/** The age of what is made through two objects of one root requester: as old as the first, as fresh as the later. */
export function joinedAge(one: ChainAge, other: ChainAge): ChainAge {
  return {
    beganAtMs: Math.min(one.beganAtMs, other.beganAtMs),
    renewedAtMs: Math.max(one.renewedAtMs, other.renewedAtMs),
  }
}

/**
 * When the root requester of a chain was last seen, given that somebody changes an object of it now:
 * now if it is the root requester, and if it is a pod of theirs, when they were last seen for that.
 * Nobody else makes a chain younger.
 */
export function renewedAt(
  before: { readonly chain: DelegationChain; readonly renewedAtMs: number },
  editor: UserInfo,
  launcher: PodBinding | undefined,
  nowMs: number,
): number {
  const { chain, renewedAtMs } = before
  if (launcher === undefined) return isRoot(chain, editor) ? nowMs : renewedAtMs
  if (!haveSameRoot(launcher.chain, chain)) return renewedAtMs
  return Math.max(renewedAtMs, launcher.renewedAtMs)
}

/**
 * Whether a user is the root requester. By name and UID alone: somebody whose groups have changed is
 * still there. A UID that is not known is no other one.
 */
function isRoot({ rootRequester }: DelegationChain, { username, uid }: UserInfo): boolean {
  const sameUid = rootRequester.uid === '' || uid === '' || rootRequester.uid === uid
  return rootRequester.username === username && sameUid
}
