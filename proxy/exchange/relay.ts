import { Fault } from '../../core/fault.ts'
import { answerCaller, faultAnswer } from '../answer/answer.ts'
import type { CallerAnswer } from '../caller/caller-answer.ts'
import type { ProxyDeps } from '../deps.ts'
import type { Revoked } from '../judgement/authorizer.ts'
import type { MaskedAnswer, OpenedMask } from '../masking/masked-answer.ts'
import { type NarrowAnswer, NarrowedAnswer } from '../self-review/narrowed-answer.ts'
import type { AnswerHandler, UpstreamExchange } from '../upstream/upstream-exchange.ts'
import { upstreamFault } from '../upstream/upstream-fault.ts'
import { answerHeaders, type BodyFilter, type Through, throughAll } from './body-filter.ts'
import type { Exchange } from './exchange.ts'
import { tokenRefused, Weighed401 } from './own-refusal.ts'
import { pour } from './pass-answer.ts'
import { callerHeaders } from './response-headers.ts'
import { revokedAnswer } from './revoked-answer.ts'
import { isUnhurried } from './unhurried.ts'

/** The 401 of someone who is not known yet. */
interface Held {
  readonly headers: readonly string[]
  readonly body: Weighed401
}

/** What stands between the API server's answer and the caller, where something does. */
export interface RelayParts {
  readonly narrow: NarrowAnswer | undefined
  readonly filter: BodyFilter | undefined
  readonly mask: MaskedAnswer | undefined
  /** When the request was sent, of `performance.now()`. */
  readonly startMs: number
}

/** One answer on its way from the API server to the caller. */
export class Relay implements AnswerHandler {
  readonly #deps: ProxyDeps
  readonly #exchange: Exchange
  readonly #answer: CallerAnswer
  readonly #narrow: NarrowAnswer | undefined
  readonly #filter: BodyFilter | undefined
  readonly #mask: MaskedAnswer | undefined
  /** What the body of the answer goes through. */
  #through: Through | undefined
  /** What masks the body of the answer, where that is all that the body goes through. */
  #masker: OpenedMask['masker']
  readonly #startMs: number
  #upstream: UpstreamExchange | undefined
  #held: Held | undefined
  #narrowed: NarrowedAnswer | undefined
  /** The API server has said all. */
  #ended = false

  constructor(
    deps: ProxyDeps,
    exchange: Exchange,
    answer: CallerAnswer,
    { narrow, filter, mask, startMs }: RelayParts,
  ) {
    this.#deps = deps
    this.#exchange = exchange
    this.#answer = answer
    this.#narrow = narrow
    this.#filter = filter
    this.#mask = mask
    this.#startMs = startMs
  }

  /** The request is on its way to the API server. */
  sentOn(upstream: UpstreamExchange): void {
    this.#upstream = upstream
  }

  onHead(httpStatus: number, headers: readonly string[]): void {
    this.#deps.metrics.upstreamSeconds.observe((performance.now() - this.#startMs) / 1_000)
    if (httpStatus === 401) this.#weigh(headers)
    else if (httpStatus < 300 && this.#narrow !== undefined) {
      this.#narrowed = new NarrowedAnswer(httpStatus, headers)
    } else this.#begin(httpStatus, headers)
  }

  async #answerNarrowed(narrowed: NarrowedAnswer, narrow: NarrowAnswer): Promise<void> {
    try {
      const { body, headers } = await narrowed.finish(narrow)
      if (this.#exchange.isOver) return
      this.#begin(narrowed.httpStatus, headers)
      this.#write(body)
      this.#exchange.discarded()
      this.#exchange.passed(body.length)
      this.#end()
    } catch (error) {
      if (!this.#exchange.isOver) this.fail(Fault.from(error))
    }
  }

  /** Keeps a 401 back until it is known whose it is. */
  #weigh(headers: readonly string[]): void {
    const { method, info } = this.#exchange.permit.request
    // The answer to HEAD has no body to tell by: behind a proxy it is the caller's.
    if (method !== 'HEAD') this.#held = { headers, body: new Weighed401() }
    else if (info.attributes.subresource === 'proxy') this.#begin(401, headers)
    else this.#failByToken()
  }

  #failByToken(): void {
    this.#deps.credentials.refused()
    this.fail(tokenRefused())
  }

  #failTooLong(): void {
    this.#exchange.discarded()
    this.fail(new Fault('upstream_failed', 'The API server answered a review at too great length'))
  }

  #release({ headers, body }: Held): void {
    this.#held = undefined
    this.#begin(401, headers)
    this.#write(body.body())
  }

  #begin(httpStatus: number, headers: readonly string[]): void {
    try {
      const masked = this.#mask?.open(httpStatus, headers)
      // A stream of its own would take longer than what it does.
      this.#masker = this.#filter === undefined ? masked?.masker : undefined
      const body = this.#masker === undefined ? masked?.body() : undefined
      const stages = [body, this.#filter?.response]
      this.#through = throughAll(stages, (error) => this.fail(Fault.from(error)))
      this.#beginWith(httpStatus, answerHeaders(masked?.headers ?? headers, this.#filter))
    } catch (error) {
      this.fail(Fault.from(error))
    }
  }

  #beginWith(httpStatus: number, headers: readonly string[]): void {
    const { permit } = this.#exchange
    const own = callerHeaders(headers, permit.warning)
    this.#answer.begin(httpStatus, own, isUnhurried(permit.request.info))
    this.#exchange.began(httpStatus)
    if (this.#through !== undefined) pour(this.#through.tail, this.#answer)
  }

  onData(chunk: Buffer): void {
    if (this.#exchange.hasFailed) return
    this.#exchange.passed(chunk.length)
    const held = this.#held
    if (this.#narrowed !== undefined) {
      if (!this.#narrowed.add(chunk)) this.#failTooLong()
    } else if (held !== undefined) {
      if (held.body.add(chunk)) this.#release(held)
    } else this.#pass(chunk)
  }

  #pass(chunk: Buffer): void {
    const { memory } = this.#deps
    const upstream = this.#upstream
    if (memory.isTight(chunk.length)) {
      // One chunk at a time, whatever the connection would keep for the caller.
      upstream?.pause()
      this.#write(chunk, () => memory.whenRoomy(() => upstream?.resume()))
      return
    }
    if (this.#write(chunk)) return
    upstream?.pause()
    if (this.#through === undefined) this.#answer.onceDrained(() => upstream?.resume())
    else this.#through.head.once('drain', () => upstream?.resume())
  }

  /** To the caller, or to the filter before the caller; false when that does not keep up. */
  #write(chunk: Buffer, onTaken?: () => void): boolean {
    // What cannot be masked has been told; nothing of it goes on.
    if (this.#exchange.hasFailed) return true
    if (this.#masker !== undefined)
      return this.#writeMasked((masker) => masker.push(chunk), onTaken)
    if (this.#through === undefined) return this.#answer.write(chunk, onTaken)
    return this.#through.head.write(chunk, onTaken)
  }

  #writeMasked(
    work: (masker: NonNullable<OpenedMask['masker']>) => Buffer,
    onTaken?: () => void,
  ): boolean {
    let bytes: Buffer
    try {
      bytes = this.#masker === undefined ? Buffer.alloc(0) : work(this.#masker)
    } catch (error) {
      // Recorded: what cannot be masked ends the answer.
      this.fail(Fault.from(error))
      return true
    }
    if (bytes.length > 0) return this.#answer.write(bytes, onTaken)
    onTaken?.()
    return true
  }

  onEnd(): void {
    this.#ended = true
    if (this.#exchange.hasFailed) return
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
    if (this.#exchange.hasFailed) return
    if (this.#masker !== undefined) {
      this.#writeMasked((masker) => masker.end())
      if (!this.#exchange.hasFailed) this.#answer.end()
    } else if (this.#through === undefined) this.#answer.end()
    else {
      this.#through.tail.once('end', () => this.#answer.end())
      this.#through.head.end()
    }
  }

  onError(error: Error): void {
    this.#ended = true
    if (this.#exchange.isOver || this.#exchange.hasFailed) return
    const { method } = this.#exchange.permit.request
    this.fail(upstreamFault(error, { method, sent: this.#upstream?.sent === true }))
  }

  /** Answers with a `Status`, or cuts the connection when the answer has begun. */
  fail(fault: Fault): void {
    if (this.#exchange.isOver || this.#exchange.hasFailed) return
    const { decisionId } = this.#exchange.permit
    this.#exchange.failed(fault, 'Cannot complete the request')
    this.#exchange.passed(answerCaller(this.#answer, { ...faultAnswer(fault), decisionId }))
    this.#letGo(fault)
  }

  /** What allowed the request no longer does. */
  cut(revoked: Revoked): void {
    const sent = this.#upstream?.sent === true
    const told = answerCaller(this.#answer, revokedAnswer(this.#exchange.permit, revoked, sent))
    this.#exchange.passed(told)
    this.#letGo(new Error('revoked'))
  }

  #letGo(error: Error): void {
    if (!this.#ended) this.#upstream?.abort(error)
    this.#ended = true
    this.#filter?.request.destroy()
    this.#filter?.response.destroy()
    this.#through?.head.destroy()
  }

  /** The caller's side is over, well or not: lets go of the API server's and reports. */
  finish(): void {
    if (this.#exchange.isOver) return
    if (this.#answer.begun) this.#exchange.began(this.#answer.httpStatus)
    if (this.#mask !== undefined) this.#exchange.masked(this.#mask.counts())
    this.#exchange.finish()
    // Now that the exchange is over: the error that this makes is no fault.
    this.#letGo(new Error('the caller has gone'))
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
