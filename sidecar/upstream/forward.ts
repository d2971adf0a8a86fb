import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import { Fault } from '../../core/fault.ts'
import type { Permit } from '../authorize.ts'
import type { SidecarDeps } from '../deps.ts'
import { BodyMeter } from './body-meter.ts'
import { Relay } from './relay.ts'
import { upstreamHeaders } from './request-headers.ts'
import { isUnhurried } from './unhurried.ts'

/**
 * Stop 4: sends a permitted request and streams the answer back, Node to Node. Returns at once; what
 * became of it is reported when the caller's connection is done with it.
 */
export function forward(
  deps: SidecarDeps,
  permit: Permit,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): void {
  const { request, decisionId } = permit
  const relay = new Relay(deps, permit, incoming, outgoing)
  if (outgoing.destroyed || incoming.socket.destroyed) {
    relay.finish()
    return
  }
  outgoing.once('close', () => relay.finish())
  deps.authorizer.onRevoked(decisionId, () => relay.cut())
  // Revoked already: nothing is sent.
  if (outgoing.destroyed) return
  try {
    const options: Dispatcher.DispatchOptions = {
      path: request.info.target,
      method: request.method,
      headers: headersOf(deps, permit, incoming),
      body: request.hasBody ? openBody(deps, permit, incoming, outgoing) : null,
      headersTimeout: isUnhurried(request.info) ? 0 : deps.upstreamHeadersTimeoutMs,
      // Keeps the connection after HEAD and DELETE too.
      reset: false,
    }
    deps.upstream.dispatch(options, relay)
  } catch (error) {
    relay.fail(Fault.from(error))
  }
}

function headersOf(deps: SidecarDeps, { request, decisionId }: Permit, incoming: IncomingMessage) {
  const headers = upstreamHeaders(incoming.rawHeaders, {
    token: deps.upstream.token(),
    decisionId,
    userAgent: request.userAgent,
  })
  const length = incoming.headers['content-length']
  if (request.hasBody && length !== undefined) headers.push('content-length', length)
  return headers
}

function openBody(
  deps: SidecarDeps,
  { request }: Permit,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): BodyMeter {
  // Only now: a caller that asked first sends its body after the decision.
  if (request.expectsContinue) outgoing.writeContinue()
  return incoming.pipe(new BodyMeter(deps.requestBodyBytesMax))
}
