import { tunnelLines } from '../../api/texts/exec-text.ts'
import { requestText } from '../../api/texts/request-text.ts'
import type {
  AccessGrant,
  AccessRequest,
  HeldRule,
  RequestPhase,
} from '../../core/approvals/access-request.ts'
import type { ChangedAccess } from '../store/access-request-store.ts'
import type { Notice } from './notice.ts'

const SAID: Readonly<Record<RequestPhase, string>> = {
  Pending: 'waits for an approval',
  Approved: 'was approved',
  Denied: 'was denied',
  Cancelled: 'was cancelled',
  Expired: 'expired without an answer',
}

/** What people outside are told of a change, if anything. A request is told once in each phase. */
export function toNotice(change: ChangedAccess): Notice | undefined {
  if (change.gone === true) return undefined
  return change.kind === 'grant' ? grantNotice(change.grant) : requestNotice(change.request)
}

/** What people outside are told of a request in the phase that it is in. */
export function requestNotice(request: AccessRequest): Notice {
  const { id, held, phase, closing, createdAtMs } = request
  const { caller, chain, attributes } = held
  const by = closing === undefined || closing.by === '' ? '' : ` by ${closing.by}`
  const asked = [requestText(attributes), ...tunnelLines(attributes)].join(' ')
  const lines = [
    `AccessRequest ${id} ${SAID[phase]}${by}: ${asked}`,
    `For ${chain.rootRequester.username}, by pod ${caller.namespace}/${caller.name}`,
    ...(phase === 'Pending' ? pendingLines(request) : []),
    ...(closing === undefined || closing.reason === '' ? [] : [`Reason: ${closing.reason}`]),
  ]
  return {
    id: `${id}-${phase.toLowerCase()}`,
    type: `accessrequest.${phase.toLowerCase()}`,
    atMs: closing?.atMs ?? createdAtMs,
    namespace: caller.namespace,
    request: id,
    data: requestData(request),
    text: lines.join('\n'),
  }
}

function pendingLines({ id, held, rules, reason, expiresAtMs }: AccessRequest): readonly string[] {
  const { namespace } = held.caller
  return [
    ...rules.map(ruleLine),
    ...(reason === '' ? [] : [`The caller says, unchecked: ${reason}`]),
    `Until ${new Date(expiresAtMs).toISOString()}: kubectl lanyard request show ${id} -n ${namespace}`,
  ]
}

function ruleLine({ name, approval }: HeldRule): string {
  const { minimum, approvers, self } = approval
  const people = [
    ...approvers.map(({ kind, name: who }) => `${kind} ${who}`),
    ...(self ? ['who asks (break glass)'] : []),
  ]
  return `Rule ${name} wants ${minimum} of: ${people.join(', ') || 'nobody'}`
}

function requestData(request: AccessRequest): Notice['data'] {
  const { id, held, digest, rules, reason, phase, reviews, closing, grantId } = request
  const { caller, chain, attributes } = held
  const { verb, apiGroup, resource, subresource, namespace, name, exec } = attributes
  return {
    ...{ id, namespace: caller.namespace, pod: caller.name, phase, digest },
    rootRequester: chain.rootRequester.username,
    request: { verb, apiGroup, resource, subresource, namespace, name },
    ...(exec === undefined ? {} : { command: exec.command }),
    rules: rules.map((rule) => ({
      name: rule.name,
      approvers: rule.approval.approvers,
      minimum: rule.approval.minimum,
      breakGlass: rule.approval.self,
    })),
    ...(reason === '' ? {} : { reason }),
    createdAt: new Date(request.createdAtMs).toISOString(),
    expiresAt: new Date(request.expiresAtMs).toISOString(),
    reviews: reviews.map(({ answer, by, reason: why }) => ({
      ...{ answer, by: by.username, reason: why },
    })),
    ...(closing === undefined ? {} : { closedBy: closing.by, closingReason: closing.reason }),
    ...(grantId === undefined ? {} : { grant: grantId }),
  }
}

/** Break glass is an alarm; a revocation is told; all else is in the notice of the request. */
function grantNotice(grant: AccessGrant): Notice | undefined {
  const isAlarm = grant.breakGlass && grant.phase === 'Active' && grant.uses === 0
  if (!isAlarm && grant.phase !== 'Revoked') return undefined
  const what = isAlarm ? 'breakglass' : 'revoked'
  const { id, namespace, pod, requestId, rootRequester, scope, rules, approvedBy, closing } = grant
  const said = isAlarm
    ? `BREAK GLASS: ${approvedBy.join(', ')} approved their own request ${requestId}`
    : `AccessGrant ${id} was revoked by ${closing?.by ?? ''}`
  const lines = [
    said,
    `For ${rootRequester}, pod ${namespace}/${pod}: scope ${scope} of ${rules.join(', ')}`,
    ...(closing === undefined || closing.reason === '' ? [] : [`Reason: ${closing.reason}`]),
  ]
  return {
    id: `${id}-${what}`,
    type: `accessgrant.${what}`,
    atMs: closing?.atMs ?? grant.createdAtMs,
    namespace,
    request: requestId,
    data: {
      ...{ id, namespace, pod, request: requestId, rootRequester, scope, rules, approvedBy },
      ...{ breakGlass: grant.breakGlass, phase: grant.phase },
      expiresAt: new Date(grant.expiresAtMs).toISOString(),
      ...(closing === undefined ? {} : { closedBy: closing.by, closingReason: closing.reason }),
    },
    text: lines.join('\n'),
  }
}
