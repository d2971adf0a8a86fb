import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import type { IncomingHttpHeaders } from 'undici/types/header.js'
import { Fault } from '../../core/fault.ts'
import { answerRequest, faultAnswer } from '../answer/answer.ts'
import { endAfterBody } from '../answer/linger.ts'
import type { ProxyDeps } from '../deps.ts'
import type { Permit } from '../judgement/authorize.ts'
import { countFault } from '../metrics.ts'
import { type NarrowAnswer, NarrowedAnswer } from '../self-review/narrowed-answer.ts'
import { upstreamFault } from '../upstream/upstream-fault.ts'
import { tokenRefused, Weighed401 } from './own-refusal.ts'
import { callerHeaders } from './response-headers.ts'
import { isUnhurried } from './unhurried.ts'

const NOTHING = Buffer.alloc(0)

/** The 401 of someone who is not known yet. */
interface Held {
  readonly headers: IncomingHttpHeaders
  readonly body: Weighed401
}

/** One answer on its way from the API server to the caller. */
export class Relay implements Dispatcher.DispatchHandler {
  readonly #deps: ProxyDeps
  readonly #permit: Permit
  readonly #incoming: IncomingMessage
  readonly #outgoing: ServerResponse
  readonly #narrow: NarrowAnswer | undefined
  readonly #startMs = performance.now()
  #controller: Dispatcher.DispatchController | undefined
  #held: Held | undefined
  #narrowed: NarrowedAnswer | undefined
  #bytes = 0
  #fault = ''
  #ended = false
  #finished = false

  constructor(
    deps: ProxyDeps,
    permit: Permit,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    narrow?: NarrowAnswer,
  ) {
    this.#narrow = narrow
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
    if (httpStatus === 401) this.#weigh(controller, headers)
    else if (httpStatus < 300 && this.#narrow !== undefined) {
      this.#narrowed = new NarrowedAnswer(httpStatus, headers)
    } else this.#begin(httpStatus, headers)
  }

  async #answerNarrowed(narrowed: NarrowedAnswer, narrow: NarrowAnswer): Promise<void> {
    try {
      const { body, headers } = await narrowed.finish(narrow)
      if (this.#finished) return
      this.#begin(narrowed.httpStatus, headers)
      this.#outgoing.write(body)
      this.#bytes = body.length
      this.#end()
    } catch (error) {
      if (!this.#finished) this.fail(Fault.from(error))
    }
  }

  /** Keeps a 401 back until it is known whose it is. */
  #weigh(controller: Dispatcher.DispatchController, headers: IncomingHttpHeaders): void {
    const { method, info } = this.#permit.request
    // The answer to HEAD has no body to tell by: behind a proxy it is the caller's.
    if (method !== 'HEAD') this.#held = { headers, body: new Weighed401() }
    else if (info.attributes.subresource === 'proxy') this.#begin(401, headers)
    else controller.abort(this.#failByToken())
  }

  #failByToken(): Fault {
    const fault = tokenRefused()
    this.#deps.credentials.refused()
    this.fail(fault)
    return fault
  }

  #failTooLong(): Fault {
    const fault = new Fault(
      'upstream_failed',
      'The API server answered a review at too great length',
    )
    this.#bytes = 0
    this.fail(fault)
    return fault
  }

  #release({ headers, body }: Held): void {
    this.#held = undefined
    this.#begin(401, headers)
    this.#outgoing.write(body.body())
  }

  #begin(httpStatus: number, headers: IncomingHttpHeaders): void {
    const outgoing = this.#outgoing
    const own = callerHeaders(headers, this.#permit.warning)
    if (!this.#incoming.complete) own.push('connection', 'close')
    // No cork: Node would put chunks that wait for the end of it behind the end of the answer.
    outgoing.writeHead(httpStatus, own)
    // As bytes: Node would write a head without any as UTF-8, and header values are Latin-1.
    if (isUnhurried(this.#permit.request.info)) outgoing.write(NOTHING)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#narrowed !== undefined) {
      if (!this.#narrowed.add(chunk)) controller.abort(this.#failTooLong())
      return
    }
    const held = this.#held
    if (held !== undefined) {
      if (held.body.add(chunk)) this.#release(held)
      return
    }
    const { memory } = this.#deps
    if (memory.isTight(chunk.length)) {
      // One chunk at a time, whatever the connection would keep for the caller.
      controller.pause()
      this.#outgoing.write(chunk, () => memory.whenRoomy(() => controller.resume()))
      return
    }
    if (this.#outgoing.write(chunk)) return
    controller.pause()
    this.#outgoing.once('drain', () => controller.resume())
  }

  onResponseEnd(): void {
    this.#ended = true
    const held = this.#held
    if (held?.body.isOwn()) {
      this.#bytes = 0
      this.#failByToken()
      return
    }
    if (this.#narrowed !== undefined && this.#narrow !== undefined) {
      void this.#answerNarrowed(this.#narrowed, this.#narrow)
      return
    }
    if (held !== undefined) this.#release(held)
    this.#end()
  }

  #end(): void {
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
        container: request.caller.container,
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
