import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { Fault } from '../../core/fault.ts'
import { failureStatus, type Status } from '../../core/kubernetes/status.ts'
import { answerRequest } from '../answer/answer.ts'
import type { ProxyDeps } from '../deps.ts'
import type { Permit } from '../judgement/authorize.ts'
import { jsonAnswerType } from '../self-review/json-answer-type.ts'
import { askForJson, narrowAnswerOf } from '../self-review/narrowed-answer.ts'
import { type BodyFilter, filtered } from './body-filter.ts'
import { BodyMeter } from './body-meter.ts'
import { Exchange } from './exchange.ts'
import { Relay } from './relay.ts'
import { upstreamHeaders } from './request-headers.ts'
import { isUnhurried } from './unhurried.ts'

/**
 * Step 8: sends a permitted request and streams the answer back, Node to Node; of a review of what
 * oneself may do the answer is narrowed first. Returns immediately; what
 * became of it is reported when the caller's connection is done with it.
 */
export function forward(
  deps: ProxyDeps,
  permit: Permit,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): void {
  const { request, decisionId } = permit
  const narrow = narrowAnswerOf(deps, permit, jsonAnswerType(incoming.headers.accept))
  const exchange = new Exchange(deps, permit)
  const filter = deps.openFilter?.(permit)
  const relay = new Relay(deps, exchange, incoming, outgoing, { narrow, filter })
  if (outgoing.destroyed || incoming.socket.destroyed) {
    relay.finish()
    return
  }
  outgoing.once('close', () => relay.finish())
  exchange.onRevoked(() => relay.cut())
  // Revoked already: nothing is sent.
  if (outgoing.destroyed) return
  if (narrow?.contentType === '') {
    answerRequest(incoming, outgoing, { status: notAcceptable(), decisionId })
    return
  }
  filter?.response.once('error', (error) => relay.fail(Fault.from(error)))
  try {
    const headers = headersOf(deps, permit, incoming, filter)
    const options: Dispatcher.DispatchOptions = {
      path: request.info.target,
      method: request.method,
      headers: narrow === undefined ? headers : askForJson(headers),
      body: request.hasBody ? bodyOf(deps, permit, incoming, outgoing, filter) : null,
      headersTimeout: isUnhurried(request.info) ? 0 : deps.upstreamHeadersTimeoutMs,
      // Keeps the connection after HEAD and DELETE too.
      reset: false,
    }
    deps.upstream.dispatch(options, relay)
  } catch (error) {
    relay.fail(Fault.from(error))
  }
}

function headersOf(
  deps: ProxyDeps,
  { request, decisionId }: Permit,
  incoming: IncomingMessage,
  filter: BodyFilter | undefined,
) {
  const headers = upstreamHeaders(incoming.rawHeaders, {
    credentials: deps.credentials.headersFor(request.caller),
    decisionId,
    userAgent: request.userAgent,
  })
  const length = incoming.headers['content-length']
  const keepsLength = request.hasBody && filter?.changesLength !== true
  if (keepsLength && length !== undefined) headers.push('content-length', length)
  return headers
}

function bodyOf(
  deps: ProxyDeps,
  { request }: Permit,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  filter: BodyFilter | undefined,
): Readable | Buffer {
  const judged = request.body?.bytes
  if (judged !== undefined) {
    return filter === undefined ? judged : filtered(Readable.from([judged]), filter.request)
  }
  // Only now: a caller that asked first sends its body after the decision.
  if (request.expectsContinue) outgoing.writeContinue()
  return filtered(incoming.pipe(new BodyMeter(deps.requestBodyBytesMax)), filter?.request)
}

/** As kube-apiserver says it. Source: apiserver/pkg/endpoints/handlers/negotiation/errors.go (v1.34). */
function notAcceptable(): Status {
  return failureStatus(
    406,
    'NotAcceptable',
    'Lanyard answers reviews of what oneself may do in JSON only: accept application/json too',
  )
}
