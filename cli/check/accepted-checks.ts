import { Fault } from '../../core/fault.ts'
import { LANYARD_GROUP } from '../../core/names.ts'
import type { CommandContext } from '../command/command-context.ts'
import { type CheckOutcome, failure, ok, warning } from './check-item.ts'
import type { CheckedObject, ListOf } from './cluster-objects.ts'
import { shortenLines } from './shorten-lines.ts'

const LINES_MAX = 10

/** A kind whose objects the control plane checks. */
interface AcceptedKind {
  readonly plural: string
  /** One of them, and several, in words. */
  readonly words: readonly [one: string, several: string]
  /** What follows from one that is refused. */
  readonly consequence: string
}

/** AccessPolicies. */
export const POLICIES: AcceptedKind = {
  plural: 'accesspolicies',
  words: ['policy', 'policies'],
  consequence: 'until a policy is mended, users whom it names may do nothing',
}

/** What stands over policies. */
export const CEILINGS: AcceptedKind = {
  plural: 'accessceilings',
  words: ['ceiling', 'ceilings'],
  consequence: 'until a ceiling is mended, those whom it holds for may do nothing',
}

/** What narrows one namespace. */
export const NARROWINGS: AcceptedKind = {
  plural: 'narrowingpolicies',
  words: ['narrowing', 'narrowings'],
  consequence:
    'until a narrowing is mended, those whom it holds for may do nothing in its namespace',
}

/** MaskProfiles. */
export const PROFILES: AcceptedKind = {
  plural: 'maskprofiles',
  words: ['profile', 'profiles'],
  consequence: 'until a profile is mended, users of policies that name it may do nothing',
}

/** Whether the control plane has accepted all objects of a kind. */
export async function checkAccepted(
  { client }: CommandContext,
  { plural, words, consequence }: AcceptedKind,
): Promise<CheckOutcome> {
  let items: readonly CheckedObject[]
  try {
    const path = `/apis/${LANYARD_GROUP}/v1alpha1/${plural}`
    items = (await client.get<ListOf<CheckedObject>>(path)).items
  } catch (error) {
    if (Fault.from(error).code !== 'not_found') throw error
    return warning(
      `kube-apiserver knows no ${plural}.${LANYARD_GROUP}`,
      'run kubectl apply -f deploy/chart/crds: Helm adds no definitions on an upgrade',
    )
  }
  const states = items.map(({ metadata: { name, namespace }, status }) => ({
    name: namespace === undefined ? name : `${namespace}/${name}`,
    accepted: status?.conditions?.find(({ type }) => type === 'Accepted'),
  }))
  const refused = states.filter(({ accepted }) => accepted?.status === 'False')
  if (refused.length > 0) {
    const lines = refused.map(({ name, accepted }) => `${name}: ${accepted?.message ?? 'refused'}`)
    return failure(...shortenLines(lines, LINES_MAX), consequence)
  }
  const waiting = states.filter(({ accepted }) => accepted?.status !== 'True')
  if (waiting.length > 0) {
    const lines = waiting.map(({ name }) => `${name}: the control plane has not checked it yet`)
    return warning(...shortenLines(lines, LINES_MAX))
  }
  return ok(`${items.length} ${items.length === 1 ? words[0] : words[1]}`)
}
