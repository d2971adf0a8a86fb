import { Fault } from '../../core/fault.ts'
import { failureStatus, type Status } from '../../core/kubernetes/status.ts'
import { answerCaller } from '../answer/answer.ts'
import type { CallerAnswer } from '../caller/caller-answer.ts'
import type { CallerRequest } from '../caller/caller-request.ts'
import type { ProxyDeps } from '../deps.ts'
import type { Permit } from '../judgement/authorize.ts'
import { askForJson, narrowAnswerOf } from '../self-review/narrowed-answer.ts'
import type { BodyFilter } from './body-filter.ts'
import { Exchange } from './exchange.ts'
import { Relay } from './relay.ts'
import { passBody, sendBody } from './request-body.ts'
import { permittedHeaders } from './request-headers.ts'
import type { KeptAnswer } from './send-ahead.ts'
import { isUnhurried } from './unhurried.ts'

/**
 * Step 8: sends a permitted request and streams the answer back; of a review of what oneself may do
 * the answer is narrowed first. Returns immediately; what became of it is reported when the caller's
 * connection is done with it. `kept` is the answer to a read that was sent ahead.
 */
export function forward(
  deps: ProxyDeps,
  permit: Permit,
  request: CallerRequest,
  answer: CallerAnswer,
  kept?: KeptAnswer,
): void {
  const { decisionId } = permit
  const narrow = narrowAnswerOf(deps, permit, request)
  const exchange = new Exchange(deps, permit, kept !== undefined)
  const filter = deps.openFilter?.(permit)
  const startMs = kept?.startMs ?? performance.now()
  const relay = new Relay(deps, exchange, answer, { narrow, filter, startMs })
  if (kept !== undefined) relay.sentOn(kept)
  answer.onClose(() => relay.finish())
  exchange.onRevoked((revoked) => relay.cut(revoked))
  // Gone, or revoked already: nothing is sent, and nothing is given.
  if (answer.isOver) {
    kept?.withhold()
    return
  }
  if (kept !== undefined) {
    exchange.released()
    kept.release(relay)
    return
  }
  if (narrow?.contentType === '') {
    answerCaller(answer, { status: notAcceptable(), decisionId })
    return
  }
  const headers = headersOf(deps, permit, request, filter)
  try {
    send(deps, permit, relay, {
      headers: narrow === undefined ? headers : askForJson(headers),
      request,
      filter,
    })
  } catch (error) {
    relay.fail(Fault.from(error))
  }
  // Only now: a caller that asked first sends its body after the decision.
  if (permit.request.expectsContinue) answer.writeContinue()
}

interface RequestParts {
  readonly headers: readonly string[]
  readonly request: CallerRequest
  readonly filter: BodyFilter | undefined
}

function send(
  deps: ProxyDeps,
  { request: parsed }: Permit,
  relay: Relay,
  { headers, request, filter }: RequestParts,
): void {
  const judged = parsed.body?.bytes
  const whole = filter === undefined ? judged : undefined
  const upstream = deps.upstream.dispatch(
    {
      path: parsed.info.target,
      method: parsed.method,
      headers,
      body: parsed.hasBody ? (whole ?? 'stream') : null,
      headersTimeoutMs: isUnhurried(parsed.info) ? 0 : deps.upstreamHeadersTimeoutMs,
      mayShare: parsed.info.attributes.verb === 'watch',
    },
    relay,
  )
  relay.sentOn(upstream)
  if (!parsed.hasBody || whole !== undefined) return
  const onFault = (fault: Fault) => relay.fail(fault)
  const way = { upstream, filter, bytesMax: deps.requestBodyBytesMax, onFault }
  filter?.request.once('error', (error) => onFault(Fault.from(error)))
  if (judged === undefined) passBody(request, way)
  else sendBody(judged, way)
}

function headersOf(
  deps: ProxyDeps,
  permit: Permit,
  request: CallerRequest,
  filter: BodyFilter | undefined,
) {
  const headers = permittedHeaders(deps, permit, request)
  const parsed = permit.request
  const judged = parsed.body?.bytes
  if (!parsed.hasBody || filter?.changesLength === true) return headers
  const length = judged === undefined ? request.header('content-length') : `${judged.length}`
  if (length !== undefined) headers.push('content-length', length)
  return headers
}

/** As kube-apiserver says it. Source: apiserver/pkg/endpoints/handlers/negotiation/errors.go (v1.34). */
function notAcceptable(): Status {
  return failureStatus(
    406,
    'NotAcceptable',
    'Lanyard answers reviews of what oneself may do in JSON only: accept application/json too',
  )
}
