import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import { Fault } from '../../core/fault.ts'
import { failureStatus, type Status } from '../../core/kubernetes/status.ts'
import { answerRequest } from '../answer/answer.ts'
import type { ProxyDeps } from '../deps.ts'
import type { Permit } from '../judgement/authorize.ts'
import { jsonAnswerType } from '../self-review/json-answer-type.ts'
import { askForJson, narrowAnswerOf } from '../self-review/narrowed-answer.ts'
import { BodyMeter } from './body-meter.ts'
import { Relay } from './relay.ts'
import { upstreamHeaders } from './request-headers.ts'
import { isUnhurried } from './unhurried.ts'

/**
 * Stop 4: sends a permitted request and streams the answer back, Node to Node; of a review of what
 * oneself may do the answer is narrowed first. Returns at once; what
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
  const relay = new Relay(deps, permit, incoming, outgoing, narrow)
  if (outgoing.destroyed || incoming.socket.destroyed) {
    relay.finish()
    return
  }
  outgoing.once('close', () => relay.finish())
  deps.authorizer.onRevoked(decisionId, () => relay.cut())
  // Revoked already: nothing is sent.
  if (outgoing.destroyed) return
  if (narrow?.contentType === '') {
    answerRequest(incoming, outgoing, { status: notAcceptable(), decisionId })
    return
  }
  try {
    const headers = headersOf(deps, permit, incoming)
    const options: Dispatcher.DispatchOptions = {
      path: request.info.target,
      method: request.method,
      headers: narrow === undefined ? headers : askForJson(headers),
      body: request.hasBody
        ? (request.body?.bytes ?? openBody(deps, permit, incoming, outgoing))
        : null,
      headersTimeout: isUnhurried(request.info) ? 0 : deps.upstreamHeadersTimeoutMs,
      // Keeps the connection after HEAD and DELETE too.
      reset: false,
    }
    deps.upstream.dispatch(options, relay)
  } catch (error) {
    relay.fail(Fault.from(error))
  }
}

function headersOf(deps: ProxyDeps, { request, decisionId }: Permit, incoming: IncomingMessage) {
  const headers = upstreamHeaders(incoming.rawHeaders, {
    credentials: deps.credentials.headersFor(request.caller),
    decisionId,
    userAgent: request.userAgent,
  })
  const length = incoming.headers['content-length']
  if (request.hasBody && length !== undefined) headers.push('content-length', length)
  return headers
}

function openBody(
  deps: ProxyDeps,
  { request }: Permit,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): BodyMeter {
  // Only now: a caller that asked first sends its body after the decision.
  if (request.expectsContinue) outgoing.writeContinue()
  return incoming.pipe(new BodyMeter(deps.requestBodyBytesMax))
}

/** As kube-apiserver says it. Source: apiserver/pkg/endpoints/handlers/negotiation/errors.go (v1.34). */
function notAcceptable(): Status {
  return failureStatus(
    406,
    'NotAcceptable',
    'Lanyard answers reviews of what oneself may do in JSON only: accept application/json too',
  )
}
