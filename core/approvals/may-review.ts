import type { ChainPrincipal, DelegationChain } from '../chain.ts'
import type { UserInfo } from '../kubernetes/user-info.ts'
import type { HeldRequest, HeldRule } from './access-request.ts'
import type { Approver } from './approval.ts'
import { isSamePerson } from './same-person.ts'

/** What somebody is to a request: why they may not answer it, or for which of its rules they may. */
export type Standing =
  | { readonly may: false; readonly why: string }
  | {
      readonly may: true
      /** Whether it is a requester who answers for themself. */
      readonly breakGlass: boolean
      /** The rules that this person's answer counts for. */
      readonly rules: readonly HeldRule[]
    }

/**
 * Whether somebody may approve or deny a request. Never an account or a credential of a machine; never who is in the
 * chain, by any name; never who no rule names. A requester may only where every rule says `self`.
 */
export function standingOf(
  user: UserInfo,
  held: HeldRequest,
  rules: readonly HeldRule[],
): Standing {
  const machine = whyMachine(user)
  if (machine !== undefined) return { may: false, why: machine }
  const involved = peopleOf(held).find((other) => isSamePerson(user, other.user))
  if (involved !== undefined) {
    const isRequester = involved.role === 'root requester' || involved.role === 'co-requester'
    if (isRequester && rules.length > 0 && rules.every(({ approval }) => approval.self)) {
      return { may: true, breakGlass: true, rules }
    }
    return {
      may: false,
      why: `${user.username} is in the chain of this request (${involved.role} ${involved.user.username}), and nobody approves for themself; ask another approver`,
    }
  }
  const named = rules.filter(({ approval }) => approval.approvers.some((one) => isNamed(one, user)))
  if (named.length > 0) return { may: true, breakGlass: false, rules: named }
  return {
    may: false,
    why: `${user.username} is no approver of ${rules.map(({ name }) => name).join(' or ')}; ${whoMay(rules)}`,
  }
}

/** Who may withdraw a request: whoever asked for it, by the root of its chain or by a share in its code. */
export function mayCancel(user: UserInfo, { chain }: HeldRequest): boolean {
  if (whyMachine(user) !== undefined) return false
  return requestersOf(chain).some(({ user: requester }) => isSamePerson(user, requester))
}

/** Whom to ask, in words. */
export function whoMay(rules: readonly HeldRule[]): string {
  const named = rules.flatMap(({ approval }) => [
    ...approval.approvers.map(({ kind, name }) => `${kind} ${name}`),
    ...(approval.self ? ['a requester themself (break glass)'] : []),
  ])
  const all = [...new Set(named)]
  return all.length === 0 ? 'nobody may approve it' : `approvers are: ${all.join(', ')}`
}

function requestersOf({ rootRequester, coRequesters }: DelegationChain): readonly ChainPrincipal[] {
  return [
    { role: 'root requester', user: rootRequester },
    ...coRequesters.map((user) => ({ role: 'co-requester' as const, user })),
  ]
}

/** Everybody who is a person of the request. Accounts of its pods are machines, and answer nothing anyway. */
function peopleOf({ chain, impersonated }: HeldRequest): readonly ChainPrincipal[] {
  const also =
    impersonated === undefined ? [] : [{ role: 'impersonated' as const, user: impersonated }]
  return [...requestersOf(chain), ...also]
}

const POD_EXTRA = /^authentication\.kubernetes\.io\/(?:pod|node)-(?:uid|name)$/

function whyMachine({ username, groups, extra }: UserInfo): string | undefined {
  if (username === '') return 'nobody in particular cannot approve; log in as a person'
  const isMachine =
    /^system:(?:serviceaccount|node|bootstrap):/.test(username) ||
    ['system:serviceaccounts', 'system:nodes', 'system:unauthenticated'].some((group) =>
      groups.includes(group),
    ) ||
    Object.keys(extra).some((key) => POD_EXTRA.test(key.toLowerCase()))
  if (!isMachine) return undefined
  return `${username} is an account of a machine or comes from a pod, and only people approve; log in as a person`
}

/** By exact names. A group is as the cluster's authenticator says it: nothing of it is taken apart. */
function isNamed({ kind, name }: Approver, user: UserInfo): boolean {
  return kind === 'User' ? name === user.username : user.groups.includes(name)
}
