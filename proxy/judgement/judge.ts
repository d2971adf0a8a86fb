import { FAULTS, Fault } from '../../core/fault.ts'
import { nonResourceAttributes } from '../../core/kubernetes/request-attributes.ts'
import { sanitizeUserAgent } from '../../core/kubernetes/user-agent.ts'
import type { CallerRequest } from '../caller/caller-request.ts'
import type { ProxyDeps } from '../deps.ts'
import { type AheadPermit, authorize, foresee, type Verdict } from './authorize.ts'
import type { DecisionReply } from './authorizer.ts'
import { awaitApproval } from './await-approval.ts'
import type { Caller } from './caller.ts'
import { type ParsedRequest, parseRequest } from './parse-request.ts'
import { withBody } from './read-body.ts'

/** An answer that is kept back until its decision is there. */
export interface KeptBack {
  /** The request may not pass: the answer is thrown away. */
  withhold(): void
}

export interface Judged<Kept extends KeptBack> {
  readonly verdict: Verdict
  /** Of a read that was sent ahead; withheld already unless the verdict is an allow. */
  readonly kept: Kept | undefined
}

/**
 * Stops 1 to 3, in this order, for every request. Throws a Fault when the request cannot be judged;
 * only a returned `allow` lets it through. `sendAhead` sends a read that was just allowed before, immediately.
 */
export async function judge<Kept extends KeptBack>(
  deps: ProxyDeps,
  incoming: CallerRequest,
  sendAhead: (ahead: AheadPermit) => Kept,
): Promise<Judged<Kept>> {
  const caller = deps.callers.authenticate(incoming.header('authorization'))
  const request = await readOrRecord(deps, incoming, caller)
  return withBody(incoming, request, deps.requestBodyBytesMax, async (whole) => {
    const startMs = performance.now()
    const ahead = foresee(deps.authorizer, whole)
    const kept = ahead === undefined ? undefined : sendAhead(ahead)
    let allowed = false
    try {
      const verdict = await authorize(deps.authorizer, whole, ahead)
      deps.metrics.decisionSeconds.observe((performance.now() - startMs) / 1_000)
      allowed = verdict.effect === 'allow'
      if (verdict.effect !== 'hold') return { verdict, kept }
      kept?.withhold()
      const answered = await awaitApproval(deps, incoming, whole, verdict, kept !== undefined)
      // Another decision than that under which it was sent ahead: nothing was sent under that one.
      const isAnother = answered.decisionId !== verdict.decisionId
      return { verdict: answered, kept: isAnother ? undefined : kept }
    } finally {
      if (!allowed) kept?.withhold()
    }
  })
}

async function readOrRecord(
  deps: ProxyDeps,
  incoming: CallerRequest,
  caller: Caller,
): Promise<ParsedRequest> {
  try {
    return parseRequest(incoming, caller, deps.requestBodyBytesMax)
  } catch (error) {
    throw await recorded(deps, incoming, caller, Fault.from(error))
  }
}

/** Longest target that a refusal keeps; the query is not kept, since it may hold secrets. */
const REFUSED_PATH_CHARACTERS_MAX = 512
/** Longest reason, which may repeat what the caller sent. */
const REASON_CHARACTERS_MAX = 512

/**
 * Has a refusal of our own put on record, so that probing leaves a trace. The caller is refused
 * whatever comes of that; the answer names the record where there is one.
 */
async function recorded(
  deps: ProxyDeps,
  incoming: CallerRequest,
  caller: Caller,
  fault: Fault,
): Promise<Fault> {
  const [path = ''] = incoming.target.split('?')
  const reason = fault.message.slice(0, REASON_CHARACTERS_MAX).toWellFormed()
  let decision: DecisionReply
  try {
    decision = await deps.authorizer.authorize({
      attributes: nonResourceAttributes(
        incoming.method.toLowerCase(),
        path.slice(0, REFUSED_PATH_CHARACTERS_MAX),
      ),
      targetContainer: '',
      container: caller.container,
      userAgent: sanitizeUserAgent(incoming.header('user-agent')),
      refusedBecause: reason,
    })
  } catch (error) {
    deps.metrics.unrecorded.inc()
    deps.logger.warn(
      { error: Fault.from(error), container: caller.container, code: fault.code },
      'Refused without a record',
    )
    return fault
  }
  const { httpStatus } = FAULTS[fault.code]
  deps.authorizer.report({
    decisionId: decision.id,
    httpStatus,
    fault: fault.code,
    responseBytes: 0n,
  })
  return new Fault(fault.code, `${reason} [decision ${decision.id}]`)
}
