import type { AuditEventObject } from '../../api/objects/access-objects.ts'
import { Fault } from '../../core/fault.ts'
import { judgedVerbs, resourceWithSubresource } from '../../core/kubernetes/request-attributes.ts'
import { parseServiceAccountUsername } from '../../core/kubernetes/user-info.ts'
import { LANYARD_GROUP } from '../../core/names.ts'
import { recordedAttributes, requestsOf } from './recorded-request.ts'

/** A rule as it is written in YAML. */
interface SuggestedRule {
  readonly name: string
  readonly effect: 'Allow'
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
  /** Absent for requests in no namespace. */
  readonly namespaces?: readonly string[]
}

/** An AccessPolicy that allows what was seen, and nothing else. */
export interface SuggestedPolicy {
  readonly apiVersion: string
  readonly kind: 'AccessPolicy'
  readonly metadata: { readonly name: string }
  readonly spec: { readonly subjects: readonly object[]; readonly rules: readonly SuggestedRule[] }
}

/** Refused requests of one kind, which the policy does not allow. */
export interface RefusedRequests {
  readonly what: string
  readonly count: number
}

/** As many as the kind takes. */
const RULES_MAX = 256

/**
 * The least policy of whole resources that covers every recorded request that passed, and what was refused besides.
 * Throws `not_found` where no request passed, and `request_invalid` where there would be too many rules.
 */
export function suggestPolicy(
  root: string,
  events: readonly AuditEventObject[],
): { readonly policy: SuggestedPolicy; readonly refused: readonly RefusedRequests[] } {
  const asked = events.filter(({ spec }) => spec.resource !== '')
  const rules = rulesOf(asked.filter(({ spec }) => spec.effect === 'Allow'))
  if (rules.length === 0) {
    throw new Fault('not_found', `No request of ${root} that passed is on record for that time`)
  }
  if (rules.length > RULES_MAX) {
    throw new Fault(
      'request_invalid',
      `It would take ${rules.length} rules, and a policy has at most ${RULES_MAX}; ask for one namespace or a shorter time`,
    )
  }
  const account = parseServiceAccountUsername(root)
  const subject =
    account === undefined ? { kind: 'User', name: root } : { kind: 'ServiceAccount', ...account }
  return {
    policy: {
      ...{ apiVersion: `${LANYARD_GROUP}/v1alpha1`, kind: 'AccessPolicy' },
      metadata: { name: `${nameOf(root)}-suggested` },
      spec: { subjects: [subject], rules },
    },
    refused: refusedOf(asked.filter(({ spec }) => spec.effect !== 'Allow')),
  }
}

interface Cell {
  readonly apiGroup: string
  readonly resource: string
  readonly namespace: string
  readonly verbs: readonly string[]
}

/** First the verbs of each resource in each namespace, then what has the same verbs together. */
function rulesOf(events: readonly AuditEventObject[]): readonly SuggestedRule[] {
  const byPlace = Map.groupBy(events.map(recordedAttributes), (one) =>
    JSON.stringify([one.apiGroup, resourceWithSubresource(one), one.namespace]),
  )
  const cells = [...byPlace.values()].flatMap((requests): readonly Cell[] => {
    const [first] = requests
    if (first === undefined) return []
    const { apiGroup, namespace } = first
    const verbs = sorted(requests.flatMap(judgedVerbs))
    return [{ apiGroup, resource: resourceWithSubresource(first), namespace, verbs }]
  })
  const byVerbs = Map.groupBy(cells, ({ apiGroup, namespace, verbs }) =>
    JSON.stringify([apiGroup, namespace, verbs]),
  )
  const rows = [...byVerbs.values()].map((together) => ({
    ...(together[0] as Cell),
    resources: sorted(together.map(({ resource }) => resource)),
  }))
  // Requests in no namespace are covered by a rule without namespaces alone.
  const byResources = Map.groupBy(rows, ({ apiGroup, verbs, resources, namespace }) =>
    JSON.stringify([apiGroup, verbs, resources, namespace === '']),
  )
  return [...byResources.values()].map((together, index) => {
    const { apiGroup, verbs, resources, namespace } = together[0] as (typeof rows)[number]
    const namespaces = sorted(together.map((row) => row.namespace))
    return {
      ...{ name: `seen-${index + 1}`, effect: 'Allow', apiGroups: [apiGroup], resources, verbs },
      ...(namespace === '' ? {} : { namespaces }),
    }
  })
}

function refusedOf(events: readonly AuditEventObject[]): readonly RefusedRequests[] {
  const byWhat = Map.groupBy(events, (event) => {
    const { reason } = event.spec
    const request = recordedAttributes(event)
    const group = request.apiGroup === '' ? '' : `.${request.apiGroup}`
    const [main = '', sub = ''] = resourceWithSubresource(request).split('/')
    const where = request.namespace === '' ? 'in no namespace' : `in ${request.namespace}`
    return `${judgedVerbs(request).join(',')} ${main}${group}${sub === '' ? '' : `/${sub}`} ${where} (${reason})`
  })
  return [...byWhat].map(([what, together]) => ({
    what,
    count: together.reduce((total, event) => total + requestsOf(event), 0),
  }))
}

function sorted(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)].sort()
}

/** What of a user name may stand in the name of an object. */
function nameOf(root: string): string {
  const name = root.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
  return name.slice(0, 200).replaceAll(/^-|-$/g, '') || 'root'
}
