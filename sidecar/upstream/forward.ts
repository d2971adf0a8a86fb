import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import type { IncomingHttpHeaders } from 'undici/types/header.js'
import { Fault } from '../../core/fault.ts'
import { answerRequest, faultAnswer } from '../answer.ts'
import type { Permit } from '../authorize.ts'
import type { SidecarDeps } from '../deps.ts'
import { endAfterBody } from '../linger.ts'
import { countFault } from '../sidecar-metrics.ts'
import { BodyMeter } from './body-meter.ts'
import { upstreamHeaders } from './request-headers.ts'
import { callerHeaders } from './response-headers.ts'
import { refusedAnswer, upstreamFault } from './upstream-fault.ts'

/** Proxied services may take their time, as watches do. */
const UNHURRIED_SUBRESOURCES: ReadonlySet<string> = new Set(['proxy', 'log'])

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
  const { attributes, longRunning, target } = request.info
  const unhurried = longRunning || UNHURRIED_SUBRESOURCES.has(attributes.subresource)
  try {
    const options: Dispatcher.DispatchOptions = {
      path: target,
      method: request.method,
      headers: headersOf(deps, permit, incoming),
      body: request.hasBody ? openBody(deps, permit, incoming, outgoing) : null,
      headersTimeout: unhurried ? 0 : deps.upstreamHeadersTimeoutMs,
      // Keeps the connection after HEAD and DELETE too.
      reset: false,
    }
    deps.upstream.dispatch(options, relay)
  } catch (error) {
    relay.fail(Fault.from(error))
  }
}

function headersOf(deps: SidecarDeps, { request, decisionId }: Permit, incoming: IncomingMessage) {
  const headers = upstreamHeaders(incoming.headers, {
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

/** One answer on its way from the API server to the caller. */
class Relay implements Dispatcher.DispatchHandler {
  readonly #deps: SidecarDeps
  readonly #permit: Permit
  readonly #incoming: IncomingMessage
  readonly #outgoing: ServerResponse
  readonly #startMs = performance.now()
  #controller: Dispatcher.DispatchController | undefined
  #bytes = 0
  #fault = ''
  #ended = false
  #finished = false

  constructor(
    deps: SidecarDeps,
    permit: Permit,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
  ) {
    this.#deps = deps
    this.#permit = permit
    this.#incoming = incoming
    this.#outgoing = outgoing
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#finished) controller.abort(new Error('the caller has gone'))
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    httpStatus: number,
    headers: IncomingHttpHeaders,
  ): void {
    // Informational answers come before the real one and are not the caller's.
    if (httpStatus < 200) return
    this.#deps.metrics.upstreamSeconds.observe((performance.now() - this.#startMs) / 1_000)
    const refused = refusedAnswer(httpStatus)
    if (refused !== undefined) {
      if (httpStatus === 401) this.#deps.upstream.checkToken()
      this.fail(refused)
      controller.abort(refused)
      return
    }
    const outgoing = this.#outgoing
    const own = callerHeaders(headers, this.#permit.warning)
    if (!this.#incoming.complete) own.push('connection', 'close')
    // Head and first bytes leave in one packet when they came in one.
    outgoing.cork()
    process.nextTick(uncork, outgoing)
    outgoing.writeHead(httpStatus, own)
    if (this.#permit.request.info.longRunning) outgoing.flushHeaders()
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#outgoing.write(chunk)) return
    controller.pause()
    this.#outgoing.once('drain', () => controller.resume())
  }

  onResponseEnd(): void {
    this.#ended = true
    if (this.#incoming.complete) {
      this.#outgoing.end()
      return
    }
    this.#incoming.unpipe()
    endAfterBody(this.#incoming, this.#outgoing)
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#finished || this.#fault !== '') return
    const { method } = this.#permit.request
    this.fail(upstreamFault(error, { method, sent: this.#controller !== undefined }))
  }

  /** Answers with a `Status`, or cuts the connection when the answer has begun. */
  fail(fault: Fault): void {
    this.#fault = fault.code
    this.#incoming.unpipe()
    countFault(this.#deps.metrics, fault.code)
    this.#deps.logger.warn(
      { error: fault, decisionId: this.#permit.decisionId },
      'Cannot complete the request',
    )
    this.#bytes += answerRequest(this.#incoming, this.#outgoing, {
      ...faultAnswer(fault),
      decisionId: this.#permit.decisionId,
    })
  }

  /** What allowed the request no longer does. */
  cut(): void {
    this.#fault = 'permission_denied'
    this.#outgoing.destroy()
  }

  /** The caller's side is over, well or not: lets go of the API server's and reports. */
  finish(): void {
    if (this.#finished) return
    this.#finished = true
    if (!this.#ended) this.#controller?.abort(new Error('the caller has gone'))
    const { metrics, authorizer, logger } = this.#deps
    if (this.#fault === '') metrics.requests.inc({ result: 'allowed' })
    const httpStatus = this.#outgoing.headersSent ? this.#outgoing.statusCode : 0
    const { decisionId, request } = this.#permit
    authorizer.report({
      decisionId,
      httpStatus,
      fault: this.#fault,
      responseBytes: BigInt(this.#bytes),
    })
    const { verb, resource, subresource, namespace } = request.info.attributes
    logger.debug(
      {
        decisionId,
        container: request.container,
        verb,
        resource,
        subresource,
        namespace,
        httpStatus,
      },
      'Request ended',
    )
  }
}

function uncork(outgoing: ServerResponse): void {
  outgoing.uncork()
}
