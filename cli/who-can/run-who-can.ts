import { judgedVerbs, type RequestAttributes } from '../../core/kubernetes/request-attributes.ts'
import type { UserInfo } from '../../core/kubernetes/user-info.ts'
import { serviceAccountUser } from '../../core/kubernetes/user-info.ts'
import type { Subject } from '../../core/policy/access-policy.ts'
import { subjectNames } from '../../core/policy/access-policy.ts'
import { rbacRegion } from '../../core/policy/boxes/rbac-region.ts'
import { regionHas } from '../../core/policy/boxes/region.ts'
import { describeObligations, isFree } from '../../core/policy/obligations.ts'
import { NOTHING_IN_THE_WAY, type PolicySet, simulate } from '../../core/policy/simulate.ts'
import type { CommandContext } from '../command/command-context.ts'
import { parseAskedRequest } from '../rules/asked-request.ts'
import { readPolicySet } from '../rules/read-policy-set.ts'
import { type BoundRules, readRbac } from '../rules/read-rbac.ts'
import { toUser } from '../rules/to-user.ts'
import { toJson, toYaml } from '../terminal/output-format.ts'
import { createTableWriter, type TableColumn } from '../terminal/table-writer.ts'

/** Somebody whose pods may make the request, and by what. */
interface Capable {
  readonly kind: Subject['kind']
  readonly name: string
  readonly namespace: string
  /** A rule of a policy, or a binding of RBAC. */
  readonly by: string
  /** What has to be so, or be done; empty for nothing. */
  readonly only: string
}

/**
 * `who-can`: the subjects of policies and of RBAC whose pods may make a request. Each is looked at by itself: a person
 * whom several subjects name may be denied by one of them.
 */
export async function runWhoCan(
  context: CommandContext,
  [verb, resource, name = '']: readonly [string, string, string?],
): Promise<number> {
  const { client, terminal, output, allNamespaces } = context
  const attributes = parseAskedRequest(verb, resource, name, allNamespaces ? '' : client.namespace)
  const set = await readPolicySet(client)
  const bindings = await readRbac(client)
  const found = [
    ...byPolicies(context, set, attributes),
    ...bindings.flatMap((binding) => byBinding(set, binding, attributes)),
  ]
  const report = { apiVersion: 'lanyard.dev/v1alpha1', kind: 'WhoCan', subjects: found }
  if (output === 'json') terminal.out(toJson(report))
  else if (output === 'yaml') terminal.out(toYaml(report))
  else if (found.length === 0) terminal.err('Nobody whom a policy or RBAC names.\n')
  else {
    const table = createTableWriter(COLUMNS, found)
    if (context.headers) terminal.out(`${table.header()}\n`)
    for (const row of found) terminal.out(`${table.line(row)}\n`)
  }
  return 0
}

const COLUMNS: readonly TableColumn<Capable>[] = [
  { title: 'KIND', cell: ({ kind }) => kind },
  {
    title: 'NAME',
    cell: ({ namespace, name }) => (namespace === '' ? name : `${namespace}/${name}`),
  },
  { title: 'BY', cell: ({ by }) => by },
  { title: 'ONLY', cell: ({ only }) => only || '-' },
]

function byPolicies(
  { now }: CommandContext,
  set: PolicySet,
  attributes: RequestAttributes,
): readonly Capable[] {
  const subjects = set.policies.flatMap((one) => (one.ok ? one.policy.subjects : []))
  const once = new Map(subjects.map((subject) => [keyOf(subject), subject]))
  const nowMs = now()
  return [...once.values()].flatMap((subject): readonly Capable[] => {
    const user = aUserNamedBy(subject)
    const actor = { podUid: '', namespace: '', name: '', serviceAccount: '', via: [] }
    const decision = simulate(set, {
      attributes,
      chain: { rootRequester: user, coRequesters: [], actors: [actor] },
      ...{ nowMs, beganAtMs: nowMs, renewedAtMs: nowMs, namespaceLabels: undefined },
      guard: NOTHING_IN_THE_WAY,
      defaultDecision: 'Deny',
      accessOf: () => 'denied',
    })
    if (decision.effect === 'deny') return []
    const obliged = isFree(decision.obligations) ? [] : [describeObligations(decision.obligations)]
    const held = decision.effect === 'hold' ? ['after an approval'] : []
    const only = [...held, ...obliged].join('; ')
    return [{ ...subject, by: decision.rule, only }]
  })
}

/** RBAC does not count for whom a policy names. */
function byBinding(
  set: PolicySet,
  { title, namespace, subjects, rules }: BoundRules,
  attributes: RequestAttributes,
): readonly Capable[] {
  const region = rbacRegion(rules, namespace)
  const isAllowed = judgedVerbs(attributes).every((verb) =>
    regionHas(region, pointOf(attributes, verb)),
  )
  if (!isAllowed) return []
  const named = set.policies.flatMap((one) => (one.ok ? one.policy : one.invalid).subjects)
  return subjects
    .filter((subject) => !named.some((other) => subjectNames(other, aUserNamedBy(subject))))
    .map(({ kind, name, namespace: of }) => ({ kind, name, namespace: of, by: title, only: '' }))
}

function pointOf(attributes: RequestAttributes, verb: string): ReadonlyMap<string, string> {
  const { resourceRequest, apiGroup, resource, subresource, namespace, name, path } = attributes
  const what = resourceRequest
    ? { kind: 'resource', apiGroup, resource, subresource, namespace, name }
    : { kind: 'path', path }
  return new Map(Object.entries({ guard: 'none', verb, ...what }))
}

/** Somebody whom this subject names, and no other group than everybody's. */
function aUserNamedBy({ kind, name, namespace }: Subject): UserInfo {
  if (kind === 'ServiceAccount') return serviceAccountUser(namespace, name)
  return kind === 'User' ? toUser(name, []) : toUser('', [name])
}

function keyOf({ kind, namespace, name }: Subject): string {
  return JSON.stringify([kind, namespace, name])
}
