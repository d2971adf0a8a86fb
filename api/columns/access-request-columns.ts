import { humanDuration } from '../../core/kubernetes/human-duration.ts'
import type { AccessGrantObject, AccessRequestObject } from '../objects/access-request-object.ts'
import { commandText } from '../texts/exec-text.ts'
import { resourceText, targetText } from '../texts/request-text.ts'
import { type Column, column } from './column.ts'

const WIDE = { priority: 1 } as const

/** What `kubectl get accessrequests` shows. */
export const ACCESS_REQUEST_COLUMNS: readonly Column<AccessRequestObject>[] = [
  column('Name', 'Id of the request.', ({ metadata }) => metadata.name, {
    format: 'name',
    usualWidth: 26,
  }),
  column('Status', 'Whether it waits, and how it was answered.', requestStatus, { usualWidth: 9 }),
  column('Approvals', 'How many have approved, of how many.', approvals),
  column('Root Requester', 'Who started the chain.', ({ spec }) => spec.rootRequester, {
    usualWidth: 14,
  }),
  column('Pod', 'The pod that asks.', ({ spec }) => spec.pod, { usualWidth: 16 }),
  column('Verb', 'What is to be done.', ({ spec }) => spec.verb, { usualWidth: 6 }),
  column('Resource', 'With what.', ({ spec }) => resourceText(spec), { usualWidth: 16 }),
  column('Target', 'Namespace and name.', ({ spec }) => targetText(spec), { usualWidth: 20 }),
  column('Expires', 'How long it can still be answered.', ({ spec, status }, nowMs) =>
    status.phase === 'Pending' ? timeLeft(spec.expiresAt, nowMs) : '<none>',
  ),
  column('Age', 'Time since it was made.', ({ metadata }, nowMs) =>
    humanDuration(nowMs - Date.parse(metadata.creationTimestamp)),
  ),
  column('Rule', 'Which rules ask for an approval.', ({ spec }) => names(spec.rules), WIDE),
  column('Command', 'What an exec runs.', ({ spec }) => commandText(spec) || '<none>', WIDE),
  column('Reason', 'In the words of the caller.', ({ spec }) => spec.reason ?? '<none>', WIDE),
]

/** What `kubectl get accessgrants` shows. */
export const ACCESS_GRANT_COLUMNS: readonly Column<AccessGrantObject>[] = [
  column('Name', 'Id of the grant.', ({ metadata }) => metadata.name, {
    format: 'name',
    usualWidth: 26,
  }),
  column('Status', 'Whether it allows anything.', grantStatus, { usualWidth: 8 }),
  column('Scope', 'How much it allows.', ({ spec }) => spec.scope, { usualWidth: 7 }),
  column('Root Requester', 'For whom.', ({ spec }) => spec.rootRequester, { usualWidth: 14 }),
  column('Pod', 'The pod that asked.', ({ spec }) => spec.pod, { usualWidth: 16 }),
  column('Approved By', 'Who approved.', ({ spec }) => spec.approvedBy.join(','), {
    usualWidth: 12,
  }),
  column('Uses', 'How many requests it has let through.', usesOf),
  column('Expires', 'How long it still allows it.', ({ spec, status }, nowMs) =>
    status.phase === 'Active' || status.phase === 'Used'
      ? timeLeft(spec.expiresAt, nowMs)
      : '<none>',
  ),
  column('Age', 'Time since it was given.', ({ metadata }, nowMs) =>
    humanDuration(nowMs - Date.parse(metadata.creationTimestamp)),
  ),
  column('Request', 'Id of the request.', ({ spec }) => spec.request, WIDE),
  column('Rule', 'Rules that it satisfies.', ({ spec }) => spec.rules.join(','), WIDE),
]

/** `Pending`, with a mark where who asks may approve alone. */
function requestStatus({ spec, status }: AccessRequestObject): string {
  const glass = spec.rules.some(({ breakGlass }) => breakGlass)
  return glass ? `${status.phase} (break glass)` : status.phase
}

function grantStatus({ spec, status }: AccessGrantObject): string {
  return spec.breakGlass ? `${status.phase} (break glass)` : status.phase
}

/** `1/2`: of the rule that wants the most. */
function approvals({ spec, status }: AccessRequestObject): string {
  const people = new Set(
    status.reviews.filter(({ answer }) => answer === 'Approve').map(({ by }) => by),
  )
  return `${people.size}/${Math.max(1, ...spec.rules.map(({ minimum }) => minimum))}`
}

function usesOf({ spec, status }: AccessGrantObject): string {
  return spec.usesMax === undefined ? String(status.uses) : `${status.uses}/${spec.usesMax}`
}

function names(rules: readonly { readonly name: string }[]): string {
  return rules.map(({ name }) => name).join(',')
}

function timeLeft(expiresAt: string, nowMs: number): string {
  return humanDuration(Math.max(0, Date.parse(expiresAt) - nowMs))
}
