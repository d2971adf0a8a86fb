import { getChain } from '../../api/client/access-client.ts'
import type { ChainObject } from '../../api/objects/access-objects.ts'
import type { DelegationChain } from '../../core/chain.ts'
import { Fault } from '../../core/fault.ts'
import type { RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import { serviceAccountUser, type UserInfo } from '../../core/kubernetes/user-info.ts'
import { INJECTION_ENABLED, INJECTION_LABEL } from '../../core/names.ts'
import type { Decision } from '../../core/policy/decision.ts'
import type { PrincipalFacts } from '../../core/policy/evaluate.ts'
import { reachesIntoPod } from '../../core/policy/guards.ts'
import {
  isNamed,
  NOTHING_IN_THE_WAY,
  type PolicySet,
  type SimulatedRequest,
  simulate,
  simulateEach,
} from '../../core/policy/simulate.ts'
import type { CommandContext } from '../command/command-context.ts'
import { parseAskedRequest } from '../rules/asked-request.ts'
import { readPolicySet, reviewAccess } from '../rules/read-policy-set.ts'
import { toUser } from '../rules/to-user.ts'
import { toJson, toYaml } from '../terminal/output-format.ts'
import { createTableWriter, type TableColumn } from '../terminal/table-writer.ts'

export interface CanIOptions {
  /** User name of a root requester whose pods would ask. */
  readonly root?: string
  readonly group?: readonly string[]
  /** Name of a pod whose chain is asked about. */
  readonly pod?: string
}

/** What one of those has to say who must all say yes. */
interface PrincipalAnswer {
  readonly principal: string
  readonly role: string
  readonly answer: 'yes' | 'no' | 'after approval'
  readonly because: string
}

/** `can-i`: whether the pods of a root requester may do something, and why. 1 for no. */
export async function runCanI(
  context: CommandContext,
  [verb, resource, name = '']: readonly [string, string, string?],
  options: CanIOptions,
): Promise<number> {
  const { client, terminal, output, allNamespaces } = context
  const attributes = parseAskedRequest(verb, resource, name, allNamespaces ? '' : client.namespace)
  const set = await readPolicySet(client)
  const asked = await readAsked(context, set, attributes, options)
  const decision = simulate(set, asked)
  const answers = [
    ...simulateEach(set, asked).map(({ principal, decision: own }) =>
      toAnswer(principal.user.username, principal.role, own),
    ),
    ...(await ownAnswer(context, asked, options)),
    ...(decision.effect === 'deny' && decision.guard !== undefined
      ? [toAnswer('every requester', 'guard', decision)]
      : []),
  ]
  const allowed = answers.every(({ answer }) => answer === 'yes')
  const report = { apiVersion: 'lanyard.dev/v1alpha1', kind: 'CanI', allowed, answers }
  if (output === 'json') terminal.out(toJson(report))
  else if (output === 'yaml') terminal.out(toYaml(report))
  else {
    terminal.out(allowed ? 'yes\n' : 'no\n')
    const table = createTableWriter(COLUMNS, answers)
    if (context.headers) terminal.out(`${table.header()}\n`)
    for (const row of answers) terminal.out(`${table.line(row)}\n`)
    if (reachesIntoPod(attributes)) {
      terminal.err('The guard foreign-pod is not asked: which pod it is decides.\n')
    }
  }
  return allowed ? 0 : 1
}

const COLUMNS: readonly TableColumn<PrincipalAnswer>[] = [
  { title: 'PRINCIPAL', cell: ({ principal }) => principal },
  { title: 'ROLE', cell: ({ role }) => role },
  { title: 'ANSWER', cell: ({ answer }) => answer },
  { title: 'BECAUSE', cell: ({ because }) => because },
]

const ANSWERS = { allow: 'yes', hold: 'after approval', deny: 'no' } as const

function toAnswer(principal: string, role: string, decision: Decision): PrincipalAnswer {
  const { effect, reason, rule } = decision
  const by = rule === '' ? '' : ` (${rule})`
  const conditional = effect === 'allow' && decision.conditional === true ? ', by a condition' : ''
  return { principal, role, answer: ANSWERS[effect], because: `${reason}${by}${conditional}` }
}

/** The API server judges the pod's own service account. */
async function ownAnswer(
  { client }: CommandContext,
  { attributes, chain }: SimulatedRequest,
  { pod }: CanIOptions,
): Promise<readonly PrincipalAnswer[]> {
  const caller = chain.actors.at(-1)
  if (pod === undefined || caller === undefined) return []
  const user = serviceAccountUser(caller.namespace, caller.serviceAccount)
  const access = await reviewAccess(client, user, attributes)
  const answer = access === 'allowed' ? 'yes' : 'no'
  const because = access === 'allowed' ? 'rbac_allows' : 'rbac_denies'
  return [{ principal: user.username, role: 'the pod itself', answer, because }]
}

async function readAsked(
  context: CommandContext,
  set: PolicySet,
  attributes: RequestAttributes,
  options: CanIOptions,
): Promise<SimulatedRequest> {
  const { client, now } = context
  const found =
    options.pod === undefined ? undefined : await getChain(client, client.namespace, options.pod)
  const chain = found === undefined ? chainOf(client.namespace, options) : toChain(found)
  const access = new Map<UserInfo, PrincipalFacts['access']>()
  const accounts = chain.actors
    .slice(0, -1)
    .map((actor) => serviceAccountUser(actor.namespace, actor.serviceAccount))
  for (const user of [chain.rootRequester, ...chain.coRequesters, ...accounts]) {
    const wanted = !attributes.resourceRequest || !isNamed(set, user)
    if (wanted) access.set(user, await reviewAccess(client, user, attributes))
  }
  const byName = new Map([...access].map(([{ username }, answer]) => [username, answer]))
  const namespaceLabels = await readLabels(context, attributes.namespace)
  return {
    ...{ attributes, chain, nowMs: now(), namespaceLabels },
    beganAtMs: found === undefined ? now() : Date.parse(found.spec.beganAt),
    renewedAtMs: found === undefined ? now() : Date.parse(found.spec.renewedAt),
    guard: {
      ...NOTHING_IN_THE_WAY,
      namespaceInjected: namespaceLabels?.[INJECTION_LABEL] === INJECTION_ENABLED,
    },
    defaultDecision: 'SubjectAccessReview',
    accessOf: ({ username }) => byName.get(username) ?? 'unknown',
  }
}

/** A pod that the root requester creates itself. */
function chainOf(namespace: string, { root, group = [] }: CanIOptions): DelegationChain {
  if (root === undefined) {
    throw new Fault('request_invalid', 'Say for whom: --root USER, or --pod NAME')
  }
  const actor = { podUid: '', namespace, name: 'pod', serviceAccount: 'default', via: [] }
  return { rootRequester: toUser(root, group), coRequesters: [], actors: [actor] }
}

function toChain({ spec }: ChainObject): DelegationChain {
  const toUserInfo = ({ username, uid = '', groups, extra = {} }: typeof spec.rootRequester) => ({
    ...{ username, uid, groups, extra },
  })
  return {
    rootRequester: toUserInfo(spec.rootRequester),
    coRequesters: spec.coRequesters.map(toUserInfo),
    actors: spec.actors,
  }
}

async function readLabels(
  { client }: CommandContext,
  namespace: string,
): Promise<Readonly<Record<string, string>> | undefined> {
  if (namespace === '') return undefined
  try {
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}`
    const { metadata } = await client.get<{ metadata: { labels?: Record<string, string> } }>(path)
    return metadata.labels ?? {}
  } catch (error) {
    // Of a namespace that cannot be read nothing is known, and so conditions narrow.
    const { code } = Fault.from(error)
    if (code === 'permission_denied' || code === 'not_found') return undefined
    throw error
  }
}
