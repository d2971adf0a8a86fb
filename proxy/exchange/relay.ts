import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Writable } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { IncomingHttpHeaders } from 'undici/types/header.js'
import { Fault } from '../../core/fault.ts'
import { answerRequest, faultAnswer } from '../answer/answer.ts'
import { endAfterBody } from '../answer/linger.ts'
import type { ProxyDeps } from '../deps.ts'
import { type NarrowAnswer, NarrowedAnswer } from '../self-review/narrowed-answer.ts'
import { upstreamFault } from '../upstream/upstream-fault.ts'
import { answerHeaders, type BodyFilter } from './body-filter.ts'
import type { Exchange } from './exchange.ts'
import { tokenRefused, Weighed401 } from './own-refusal.ts'
import { callerHeaders } from './response-headers.ts'
import { isUnhurried } from './unhurried.ts'

const NOTHING = Buffer.alloc(0)

/** The 401 of someone who is not known yet. */
interface Held {
  readonly headers: IncomingHttpHeaders
  readonly body: Weighed401
}

/** What stands between the API server's answer and the caller, where something does. */
export interface RelayParts {
  readonly narrow: NarrowAnswer | undefined
  readonly filter: BodyFilter | undefined
}

/** One answer on its way from the API server to the caller. */
export class Relay implements Dispatcher.DispatchHandler {
  readonly #deps: ProxyDeps
  readonly #exchange: Exchange
  readonly #incoming: IncomingMessage
  readonly #outgoing: ServerResponse
  readonly #narrow: NarrowAnswer | undefined
  readonly #filter: BodyFilter | undefined
  /** Where the bytes of the answer go: to the caller, or to the filter before the caller. */
  readonly #sink: Writable
  readonly #startMs = performance.now()
  #controller: Dispatcher.DispatchController | undefined
  #held: Held | undefined
  #narrowed: NarrowedAnswer | undefined
  /** The API server has said all. */
  #ended = false

  constructor(
    deps: ProxyDeps,
    exchange: Exchange,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    { narrow, filter }: RelayParts,
  ) {
    this.#deps = deps
    this.#exchange = exchange
    this.#incoming = incoming
    this.#outgoing = outgoing
    this.#narrow = narrow
    this.#filter = filter
    this.#sink = filter?.response ?? outgoing
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#exchange.isOver) controller.abort(new Error('the caller has gone'))
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
      if (this.#exchange.isOver) return
      this.#begin(narrowed.httpStatus, headers)
      this.#sink.write(body)
      this.#exchange.discarded()
      this.#exchange.passed(body.length)
      this.#end()
    } catch (error) {
      if (!this.#exchange.isOver) this.fail(Fault.from(error))
    }
  }

  /** Keeps a 401 back until it is known whose it is. */
  #weigh(controller: Dispatcher.DispatchController, headers: IncomingHttpHeaders): void {
    const { method, info } = this.#exchange.permit.request
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
    this.#exchange.discarded()
    this.fail(fault)
    return fault
  }

  #release({ headers, body }: Held): void {
    this.#held = undefined
    this.#begin(401, headers)
    this.#sink.write(body.body())
  }

  #begin(httpStatus: number, headers: IncomingHttpHeaders): void {
    const outgoing = this.#outgoing
    const own = callerHeaders(answerHeaders(headers, this.#filter), this.#exchange.permit.warning)
    if (!this.#incoming.complete) own.push('connection', 'close')
    // No cork: Node would put chunks that wait for the end of it behind the end of the answer.
    outgoing.writeHead(httpStatus, own)
    this.#exchange.began(httpStatus)
    this.#filter?.response.pipe(outgoing, { end: false })
    // As bytes: Node would write a head without any as UTF-8, and header values are Latin-1.
    if (isUnhurried(this.#exchange.permit.request.info)) outgoing.write(NOTHING)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#exchange.passed(chunk.length)
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
      this.#sink.write(chunk, () => memory.whenRoomy(() => controller.resume()))
      return
    }
    if (this.#sink.write(chunk)) return
    controller.pause()
    this.#sink.once('drain', () => controller.resume())
  }

  onResponseEnd(): void {
    this.#ended = true
    const held = this.#held
    if (held?.body.isOwn()) {
      this.#exchange.discarded()
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
    if (this.#filter === undefined) this.#endAnswer()
    else this.#filter.response.once('end', () => this.#endAnswer()).end()
  }

  #endAnswer(): void {
    if (this.#incoming.complete) {
      this.#outgoing.end()
      return
    }
    this.#incoming.unpipe()
    endAfterBody(this.#incoming, this.#outgoing)
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#exchange.isOver || this.#exchange.hasFailed) return
    const { method } = this.#exchange.permit.request
    this.fail(upstreamFault(error, { method, sent: this.#controller !== undefined }))
  }

  /** Answers with a `Status`, or cuts the connection when the answer has begun. */
  fail(fault: Fault): void {
    const { decisionId } = this.#exchange.permit
    this.#incoming.unpipe()
    this.#exchange.failed(fault, 'Cannot complete the request')
    const answer = { ...faultAnswer(fault), decisionId }
    this.#exchange.passed(answerRequest(this.#incoming, this.#outgoing, answer))
  }

  /** What allowed the request no longer does. */
  cut(): void {
    this.#outgoing.destroy()
  }

  /** The caller's side is over, well or not: lets go of the API server's and reports. */
  finish(): void {
    if (this.#exchange.isOver) return
    if (this.#outgoing.headersSent) this.#exchange.began(this.#outgoing.statusCode)
    this.#exchange.finish()
    // Now that the exchange is over: the error that this makes is no fault.
    if (!this.#ended) this.#controller?.abort(new Error('the caller has gone'))
    this.#filter?.response.destroy()
    const { httpStatus, permit } = this.#exchange
    const { verb, resource, subresource, namespace } = permit.request.info.attributes
    const { decisionId, request } = permit
    this.#deps.logger.debug(
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
