import { FAULTS, Fault } from '../../core/fault.ts'
import { failureStatus, type Status } from '../../core/kubernetes/status.ts'
import { describeObligations, isFree } from '../../core/policy/obligations.ts'
import { WRONG_MEDIA_TYPE } from '../../core/policy/refusal.ts'
import type { RecordingLevel } from '../../core/recording/session-event.ts'
import type { AllowReply, Authorizer, DenyReply, ForeseenRead, HoldReply } from './authorizer.ts'
import { type MaskOrder, readMaskOrder } from './mask-order.ts'
import { maskedSelector } from './masked-selector.ts'
import type { ParsedRequest } from './parse-request.ts'
import { toQuestion } from './to-question.ts'

declare const permitted: unique symbol

/**
 * Leave to send one request. Only `authorize` makes one, and whatever talks to the API server asks
 * for one, so that no path around the decision compiles.
 */
export interface Permit {
  readonly effect: 'allow'
  readonly decisionId: string
  readonly warning: string
  readonly request: ParsedRequest
  /** What of a tunnel goes on record. */
  readonly record: RecordingLevel
  /** Whether each line that is typed is judged before it is sent. */
  readonly judgesLines: boolean
  /** What is hidden in the answer; absent when nothing is. */
  readonly mask?: MaskOrder
  readonly [permitted]: true
}

declare const foreseen: unique symbol

/**
 * Leave to send one read ahead of its decision, to keep its answer back, and to throw the answer away unless a Permit
 * follows. Only `foresee` makes one.
 */
export interface AheadPermit {
  readonly decisionId: string
  readonly request: ParsedRequest
  readonly reply: ForeseenRead['reply']
  readonly [foreseen]: true
}

export interface Denial {
  readonly effect: 'deny' | 'hold'
  readonly decisionId: string
  readonly status: Status
  readonly warning?: string
}

export type Verdict = Permit | Denial

/**
 * Asks for the decision on a read that may be sent meanwhile: a GET without a body that stays an ordinary request.
 * Undefined when it has to wait; then nothing was asked.
 */
export function foresee(
  authorizer: Pick<Authorizer, 'foresee'>,
  request: ParsedRequest,
): AheadPermit | undefined {
  const { method, hasBody, expectsContinue, protocol, info } = request
  const isBare = method === 'GET' && !hasBody && !expectsContinue && protocol === ''
  if (!isBare || info.longRunning) return undefined
  const read = authorizer.foresee(toQuestion(request))
  return read === undefined ? undefined : ({ ...read, request } as AheadPermit)
}

/**
 * Asks for the decision on a request, unless that was done when it was sent ahead. Throws when there is none: that is
 * a refusal too.
 */
export async function authorize(
  authorizer: Pick<Authorizer, 'authorize' | 'report'>,
  request: ParsedRequest,
  ahead?: AheadPermit,
): Promise<Verdict> {
  const reply = await (ahead?.reply ?? authorizer.authorize(toQuestion(request)))
  if (reply.effect !== 'allow') {
    const status = denialStatus(request, reply)
    const denial = { effect: reply.effect, decisionId: reply.id, status }
    // Of refused discovery, client-go drops the Status, and kubectl says no more than "unknown".
    const isDiscovery = !request.info.attributes.resourceRequest
    return isDiscovery ? { ...denial, warning: status.message } : denial
  }
  // Nothing is waited for where nothing is masked.
  const isMasked = reply.obligations.mask.length > 0
  const mask = isMasked ? await readMaskOrder(reply, request.info.attributes) : undefined
  const fault = whyNotPermitted(request, reply, mask)
  if (fault !== undefined) {
    const { httpStatus } = FAULTS[fault.code]
    const withheld = ahead === undefined ? {} : { withheld: true }
    const outcome = { httpStatus, fault: fault.code, responseBytes: 0n, ...withheld }
    authorizer.report({ decisionId: reply.id, ...outcome })
    throw fault
  }
  return {
    effect: 'allow',
    decisionId: reply.id,
    warning: reply.warning,
    request,
    record: levelOf(request, reply),
    judgesLines: request.protocol !== '' && reply.obligations.commands.length > 0,
    ...(mask === undefined ? {} : { mask }),
  } as Permit
}

/** What this sidecar cannot do although the request may pass only with it; undefined when it can do all. */
function whyNotPermitted(
  request: ParsedRequest,
  reply: AllowReply,
  masked: MaskOrder | 'unknown' | undefined,
): Fault | undefined {
  if (request.impersonation !== undefined && !reply.impersonationJudged) {
    return new Fault(
      'decision_unavailable',
      'The control plane did not judge the impersonation, so the request is refused: upgrade it',
    )
  }
  const { record, commands, mask, ...others } = reply.obligations
  // What is judged goes over the record's own call.
  const isJudgeable = commands.length === 0 || (record !== 'none' && isCommand(request))
  if (
    !isJudgeable ||
    masked === 'unknown' ||
    !isFree({ ...others, record: 'none', mask: [], commands: [] })
  ) {
    return new Fault(
      'permission_denied',
      `The request is allowed, but ${describeObligations(reply.obligations)}, which the sidecar of this pod cannot carry out; recreate the pod to get a newer sidecar, or have the policy changed [decision ${reply.id}]`,
    )
  }
  const unmasked = masked === undefined ? undefined : whyNotMasked(request, masked)
  if (unmasked !== undefined) {
    return new Fault(
      'permission_denied',
      `The request is allowed if its answer is masked (${mask.join(', ')}), ${unmasked}, or have the policy changed [decision ${reply.id}]`,
    )
  }
  // What an aggregated API or a proxied service speaks cannot be read, so it cannot be recorded.
  if (record !== 'none' && request.protocol !== '' && request.info.upgrade === '') {
    return new Fault(
      'permission_denied',
      `The request is allowed if it is recorded, but only exec, attach and portforward can be recorded; ask without an upgrade to ${request.protocol}, or have the policy changed [decision ${reply.id}]`,
    )
  }
  return undefined
}

/** Why masks cannot do their work on a request, in words; undefined when they can. */
function whyNotMasked({ protocol, info }: ParsedRequest, masked: MaskOrder): string | undefined {
  const { upgrade } = info
  if (protocol !== '' && upgrade !== 'exec' && upgrade !== 'attach')
    return `which it is in an ordinary answer, an exec and an attach only; ask without an upgrade to ${protocol}`
  const told = maskedSelector(masked, info)
  if (told === undefined) return undefined
  return `and ${told}; select by name, namespace or other fields`
}

/** Whether it is an exec or attach, into which lines are typed. */
function isCommand({ info }: ParsedRequest): boolean {
  return ['exec', 'attach'].includes(info.attributes.subresource)
}

/** What of the tunnel is recorded. A request that opens none leaves nothing to record. */
function levelOf(request: ParsedRequest, { obligations }: AllowReply): RecordingLevel {
  if (request.protocol === '') return 'none'
  return obligations.record
}

/**
 * Forbidden, as kube-apiserver says it; the message and the causes are the control plane's. 415 where the same body
 * could be judged in another media type.
 */
function denialStatus({ info }: ParsedRequest, reply: DenyReply | HoldReply): Status {
  const { name, apiGroup, resource } = info.attributes
  const message = reply.message || `forbidden [decision ${reply.id}]`
  const isMediaType = reply.causes.some(({ reason }) => reason === WRONG_MEDIA_TYPE)
  const [code, reason] = isMediaType
    ? ([415, 'UnsupportedMediaType'] as const)
    : ([403, 'Forbidden'] as const)
  return failureStatus(code, reason, message, {
    ...(name === '' ? {} : { name }),
    ...(apiGroup === '' ? {} : { group: apiGroup }),
    ...(resource === '' ? {} : { kind: resource }),
    causes: reply.causes,
    ...(reply.effect === 'hold' ? { retryAfterSeconds: reply.retryAfterSeconds } : {}),
  })
}
