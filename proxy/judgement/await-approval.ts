import { Fault } from '../../core/fault.ts'
import { failureStatus } from '../../core/kubernetes/status.ts'
import { isTunnel } from '../../core/policy/record-tunnels.ts'
import type { CallerRequest } from '../caller/caller-request.ts'
import type { ProxyDeps } from '../deps.ts'
import { authorize, type Denial, type Verdict } from './authorize.ts'
import type { ApprovalReply } from './authorizer.ts'
import type { ParsedRequest } from './parse-request.ts'
import { HeldBody } from './read-body.ts'
import { toQuestion } from './to-question.ts'

/** What people can look through. The control plane takes no more. */
const APPROVAL_BODY_BYTES_MAX = 1_024 * 1_024
/** The longest that a caller waits where it does not say; the policy usually has it shorter. */
const WAIT_MS_MAX = 300_000

/** Of the header Lanyard-Reason: why the caller asks, for whoever approves. */
const REASON_CHARACTERS_MAX = 1_024

type Deps = Pick<ProxyDeps, 'authorizer'>

/**
 * Has a request that is held approved, as long as its caller and the policy want to wait: the body is read whole, and
 * the very bytes that people see are those that are sent. Resolves with a Permit for them, or with the refusal that the
 * caller is told. Throws `request_too_large` for a body that nobody could look through. `sentAhead` says that the
 * request was sent before its first decision.
 */
export async function awaitApproval(
  deps: Deps,
  incoming: CallerRequest,
  request: ParsedRequest,
  held: Denial,
  sentAhead: boolean,
): Promise<Verdict> {
  if (request.expectsContinue) {
    return refused(
      held,
      'send the request without the header Expect, so that its body can be shown',
    )
  }
  const body = new HeldBody(APPROVAL_BODY_BYTES_MAX)
  try {
    const whole = await readWhole(incoming, request, body)
    const reply = await ask(deps, incoming, whole, held)
    if (reply === undefined) return held
    if (reply.state !== 'ask-again') return toDenial(held, reply)
    const approval = reply.digest === '' ? {} : { approval: { digest: reply.digest } }
    const verdict = await authorize(deps.authorizer, { ...whole, ...approval })
    superseded(deps, held, '', sentAhead)
    return verdict
  } catch (error) {
    superseded(deps, held, Fault.from(error).code, sentAhead)
    throw error
  } finally {
    body.release()
  }
}

/** The decision that held the request is over: another one took its place, or none could be made. */
function superseded({ authorizer }: Deps, held: Denial, fault: string, sentAhead: boolean): void {
  const outcome = { decisionId: held.decisionId, httpStatus: 0, fault, responseBytes: 0n }
  authorizer.report({ ...outcome, ...(sentAhead ? { withheld: true } : {}) })
}

async function readWhole(
  incoming: CallerRequest,
  request: ParsedRequest,
  held: HeldBody,
): Promise<ParsedRequest> {
  if (!request.hasBody) return request
  const bytes = request.body?.bytes ?? (await held.read(incoming))
  if (bytes.length > APPROVAL_BODY_BYTES_MAX) {
    throw new Fault(
      'request_too_large',
      `This request needs an approval, and a body that people are to look through may have at most ${APPROVAL_BODY_BYTES_MAX} bytes; send it in smaller parts`,
    )
  }
  return request.body === undefined ? { ...request, body: { bytes, says: undefined } } : request
}

/** Undefined where the control plane cannot be asked: the request stays held, and is sent again later. */
async function ask(
  { authorizer }: Deps,
  incoming: CallerRequest,
  request: ParsedRequest,
  held: Denial,
): Promise<ApprovalReply | undefined> {
  const tunnel = isTunnel(request.info.attributes)
  try {
    return await authorizer.requestApproval({
      question: toQuestion(request),
      decisionId: held.decisionId,
      method: tunnel ? '' : request.method,
      target: tunnel ? '' : request.info.target,
      contentType: incoming.header('content-type') ?? '',
      body: request.body?.bytes ?? Buffer.alloc(0),
      reason: (incoming.header('lanyard-reason') ?? '')
        .slice(0, REASON_CHARACTERS_MAX)
        .toWellFormed(),
      waitMs: parseWait(incoming.header('lanyard-wait')),
    })
  } catch (error) {
    const fault = Fault.from(error)
    // Said to the caller as a hold, which no client sends again by itself.
    if (fault.code === 'decision_unavailable' || fault.code === 'decision_timeout') return undefined
    throw fault
  }
}

/** Seconds in the header Lanyard-Wait. Throws `request_invalid` for anything else. */
function parseWait(header: string | undefined): number {
  if (header === undefined) return WAIT_MS_MAX
  if (/^\d{1,3}$/.test(header)) return Math.min(WAIT_MS_MAX, Number(header) * 1_000)
  throw new Fault(
    'request_invalid',
    'The header Lanyard-Wait says for how many seconds the caller waits for an approval, such as 30; 0 waits for none',
  )
}

/** The hold in the words of what became of it. */
function toDenial(held: Denial, reply: Exclude<ApprovalReply, { state: 'ask-again' }>): Denial {
  const { status } = held
  const message = `${status.message}: ${reply.message}`
  const isPending = reply.state === 'pending'
  const { retryAfterSeconds: _, ...details } = status.details ?? {}
  const cause = {
    reason: isPending ? 'ApprovalRequired' : 'ApprovalRefused',
    field: reply.requestId,
    message: reply.message,
  }
  const retry = isPending ? { retryAfterSeconds: reply.retryAfterSeconds } : {}
  const causes = [...(details.causes ?? []), ...(reply.requestId === '' ? [] : [cause])]
  return {
    ...held,
    effect: isPending ? 'hold' : 'deny',
    status: failureStatus(status.code, status.reason, message, { ...details, causes, ...retry }),
  }
}

function refused(held: Denial, why: string): Denial {
  return toDenial(held, { state: 'refused', requestId: '', message: why })
}
