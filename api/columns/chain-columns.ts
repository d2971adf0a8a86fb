import { humanDuration } from '../../core/kubernetes/human-duration.ts'
import type { ChainObject } from '../objects/access-objects.ts'
import { type Column, column } from './column.ts'

const WIDE = { priority: 1 } as const

/** What `kubectl get chains` shows. */
export const CHAIN_COLUMNS: readonly Column<ChainObject>[] = [
  column('Name', 'Name of the pod.', ({ metadata }) => metadata.name, { format: 'name' }),
  column('Root Requester', 'Who started the chain.', ({ spec }) => spec.rootRequester.username),
  column(
    'Depth',
    'How many launches lie between the root requester and the pod.',
    ({ spec }) => spec.actors.length,
    { type: 'integer' },
  ),
  column('Chain', 'Every pod on the way, outermost first.', describePath),
  column(
    'Status',
    'Whether the pod runs, has ended, or is not known to.',
    ({ status }) => status.phase,
  ),
  column('Age', 'Time since the pod was admitted.', ({ metadata }, nowMs) =>
    humanDuration(nowMs - Date.parse(metadata.creationTimestamp)),
  ),
  column(
    'Ends',
    'Time until the chain ends, unless its root requester is seen before.',
    describeEnd,
  ),
  column('Co-Requesters', 'Who else could choose the code that runs.', describeCoRequesters, WIDE),
  column(
    'Service Account',
    'The service account of the pod.',
    ({ spec }) => spec.actors.at(-1)?.serviceAccount ?? '',
    WIDE,
  ),
  column(
    'Visitors',
    'Who reached into the pod by their own credential.',
    ({ spec }) => namesOf(spec.visitors),
    WIDE,
  ),
  column('Pod UID', 'UID of the pod.', ({ spec }) => spec.podUid, WIDE),
]

function describeCoRequesters({ spec }: ChainObject): string {
  return namesOf(spec.coRequesters)
}

function namesOf(people: readonly { readonly username: string }[]): string {
  return people.length === 0 ? '<none>' : people.map(({ username }) => username).join(',')
}

function describeEnd({ spec: { endsAt }, status }: ChainObject, nowMs: number): string {
  if (status.phase === 'Ended') return '<none>'
  if (endsAt === undefined) return '<never>'
  const leftMs = Date.parse(endsAt) - nowMs
  return leftMs <= 0 ? 'ended' : humanDuration(leftMs)
}

/** `agent > Job/build > build-x7k2`, with the namespace where it is not the pod's own. */
function describePath({ metadata, spec }: ChainObject): string {
  return spec.actors
    .flatMap(({ namespace, name, via }) => [
      ...via.map((step) => `${step.kind}/${step.name}`),
      namespace === metadata.namespace ? name : `${namespace}/${name}`,
    ])
    .join(' > ')
}
