import type { DelegationChain } from '../../chain.ts'
import { judgedVerbs, type RequestAttributes } from '../../kubernetes/request-attributes.ts'
import type { UserInfo } from '../../kubernetes/user-info.ts'

/** What a condition may read. A field of which nothing is known is absent: reading it is an error, and narrows. */
export interface ConditionInput {
  readonly request: Readonly<Record<string, unknown>>
  readonly chain: Readonly<Record<string, unknown>>
  readonly target: Readonly<Record<string, unknown>>
  /** Unix milliseconds. */
  readonly nowMs: number
}

/** What an input is made of. */
export interface ConditionFacts {
  readonly attributes: RequestAttributes
  /** Container that an exec, attach or log request names; empty when it names none. */
  readonly container: string
  /** User name of whom the request impersonates; empty when it impersonates nobody. */
  readonly impersonatedUser: string
  readonly chain: DelegationChain
  /** Unix milliseconds. */
  readonly beganAtMs: number
  readonly renewedAtMs: number
  /** Labels of the namespace of the request; undefined while they are not known, or there is no namespace. */
  readonly namespaceLabels: Readonly<Record<string, string>> | undefined
  readonly nowMs: number
}

/** More of them are not shown: a condition would take long to look through them. */
const GROUPS_MAX = 256
/** More words, or more characters of them, are not shown either. */
const COMMAND_WORDS_MAX = 256
const COMMAND_CHARACTERS_MAX = 8_192

/** The fields of each variable, by the name that a condition writes. `map` has keys that nobody knows beforehand. */
export const CONDITION_FIELDS = {
  request: {
    ...{ verb: 'text', verbs: 'list', apiGroup: 'text', apiVersion: 'text', resource: 'text' },
    ...{ subresource: 'text', namespace: 'text', name: 'text', container: 'text' },
    ...{ command: 'list', impersonatedUser: 'text' },
  },
  chain: {
    ...{ rootRequester: 'user', coRequesters: 'list', actors: 'list', caller: 'actor' },
    ...{ began: 'time', renewed: 'time' },
  },
  target: { namespaceLabels: 'map' },
} as const

/** Gathers what conditions may read about one request. */
export function createConditionInput(facts: ConditionFacts): ConditionInput {
  const { attributes, chain, namespaceLabels, nowMs } = facts
  const { verb, apiGroup, apiVersion, resource, subresource, namespace, name, exec } = attributes
  const command = shownCommand(exec)
  const caller = chain.actors.at(-1)
  return {
    request: {
      ...{ verb, apiGroup, apiVersion, resource, subresource, namespace, name },
      verbs: judgedVerbs(attributes),
      container: facts.container,
      impersonatedUser: facts.impersonatedUser,
      ...(command === undefined ? {} : { command }),
    },
    chain: {
      rootRequester: toPerson(chain.rootRequester),
      coRequesters: chain.coRequesters.map(toPerson),
      actors: chain.actors.map(toActor),
      ...(caller === undefined ? {} : { caller: toActor(caller) }),
      began: new Date(facts.beganAtMs),
      renewed: new Date(facts.renewedAtMs),
    },
    target: namespaceLabels === undefined ? {} : { namespaceLabels },
    nowMs,
  }
}

/** Without one, the list is empty, as for an attach. */
function shownCommand(exec: RequestAttributes['exec']): readonly string[] | undefined {
  if (exec === undefined) return []
  const { command, commandShortened } = exec
  const isLong =
    command.length > COMMAND_WORDS_MAX || command.join('').length > COMMAND_CHARACTERS_MAX
  return isLong || commandShortened !== undefined ? undefined : command
}

function toPerson({ username, uid, groups }: UserInfo): Readonly<Record<string, unknown>> {
  return { username, uid, ...(groups.length > GROUPS_MAX ? {} : { groups }) }
}

function toActor({
  namespace,
  name,
  serviceAccount,
  via,
}: DelegationChain['actors'][number]): Readonly<Record<string, unknown>> {
  return {
    namespace,
    name,
    serviceAccount,
    via: via.map(({ kind, name: of }) => ({ kind, name: of })),
  }
}
