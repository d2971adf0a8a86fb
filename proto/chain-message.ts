import type { MessageInitShape } from '@bufbuild/protobuf'
import type { Actor, DelegationChain } from '../core/chain.ts'
import { Fault } from '../core/fault.ts'
import type { UserInfo } from '../core/kubernetes/user-info.ts'
import type {
  ActorSchema,
  DelegationChain as ChainMessage,
  DelegationChainSchema,
  UserInfo as UserInfoMessage,
  UserInfoSchema,
} from './gen/lanyard/v1/chain_pb.ts'

/** A user on the wire, whole: authorizers look at groups and extra too. The keys of `extra` are sorted. */
export function userToMessage(user: UserInfo): MessageInitShape<typeof UserInfoSchema> {
  const keys = Object.keys(user.extra).sort()
  const extra = keys.map((key) => [key, { values: [...(user.extra[key] ?? [])] }])
  return {
    username: user.username,
    uid: user.uid,
    groups: [...user.groups],
    extra: Object.fromEntries(extra),
  }
}

/** Throws `request_invalid` for a user without a name: an empty name must never be somebody. */
export function userFromMessage(message: UserInfoMessage | undefined): UserInfo {
  if (message === undefined || message.username === '') {
    throw new Fault('request_invalid', 'The message names no user')
  }
  const extra = Object.entries(message.extra).map(([key, { values }]) => [key, values])
  return {
    username: message.username,
    uid: message.uid,
    groups: message.groups,
    extra: Object.fromEntries(extra),
  }
}

/** A pod of a chain on the wire. */
export function actorToMessage(actor: Actor): MessageInitShape<typeof ActorSchema> {
  return { ...actor, via: actor.via.map((via) => ({ ...via })) }
}

/** A chain on the wire; `chainFromMessage` reads it back. */
export function chainToMessage(
  chain: DelegationChain,
): MessageInitShape<typeof DelegationChainSchema> {
  return {
    rootRequester: userToMessage(chain.rootRequester),
    coRequesters: chain.coRequesters.map(userToMessage),
    actors: chain.actors.map(actorToMessage),
    closed: chain.closed ?? '',
  }
}

/** Throws `request_invalid` when the chain is missing or names no root requester. */
export function chainFromMessage(message: ChainMessage | undefined): DelegationChain {
  if (message === undefined) throw new Fault('request_invalid', 'The message holds no chain')
  const closed = message.closed === '' ? {} : { closed: message.closed }
  return {
    rootRequester: userFromMessage(message.rootRequester),
    coRequesters: message.coRequesters.map(userFromMessage),
    actors: message.actors.map(({ podUid, namespace, name, serviceAccount, via }) => ({
      podUid,
      namespace,
      name,
      serviceAccount,
      via: via.map((step) => ({ kind: step.kind, name: step.name })),
    })),
    ...closed,
  }
}
