import { Fault } from '../../core/fault.ts'
import type { CallerRequest } from '../caller/caller-request.ts'
import type { ProxyDeps } from '../deps.ts'
import type { AheadPermit } from '../judgement/authorize.ts'
import type { KeptBack } from '../judgement/judge.ts'
import type { AnswerHandler, UpstreamExchange } from '../upstream/upstream-exchange.ts'
import { permittedHeaders } from './request-headers.ts'

/**
 * Sends a read ahead of its decision. Of the answer the head is kept, and what comes before the connection has stopped
 * to be read: a piece at most. The rest stays where it is until the answer is released.
 */
export function sendAhead(
  deps: Pick<ProxyDeps, 'credentials' | 'upstream' | 'upstreamHeadersTimeoutMs'>,
  ahead: AheadPermit,
  incoming: CallerRequest,
): KeptAnswer {
  const kept = new KeptAnswer()
  const { method, info } = ahead.request
  try {
    const headers = permittedHeaders(deps, ahead, incoming)
    const sent = { method, path: info.target, headers, body: null }
    const { upstreamHeadersTimeoutMs: headersTimeoutMs } = deps
    kept.sentOn(deps.upstream.dispatch({ ...sent, headersTimeoutMs }, kept))
  } catch (error) {
    // Told when the answer is released: the decision is asked for already.
    kept.onError(Fault.from(error))
  }
  return kept
}

/** One event of an answer, for whoever gets the answer in the end. */
type AnswerEvent = (handler: AnswerHandler) => void

/** The answer to a read that was sent ahead: kept until it is released to whoever may have it, or withheld. */
export class KeptAnswer implements AnswerHandler, UpstreamExchange, KeptBack {
  /** When the request was sent, of `performance.now()`. */
  readonly startMs = performance.now()
  #upstream: UpstreamExchange | undefined
  #handler: AnswerHandler | undefined
  /** What has come of the answer so far, in order. */
  #events: AnswerEvent[] = []
  #state: 'kept' | 'released' | 'withheld' = 'kept'
  #paused = false
  #over = false
  onDrain = (): void => undefined

  sentOn(upstream: UpstreamExchange): void {
    this.#upstream = upstream
  }

  /** Gives the answer to `handler`, from its beginning. */
  release(handler: AnswerHandler): void {
    if (this.#state !== 'kept') return
    this.#state = 'released'
    this.#handler = handler
    const events = this.#events
    this.#events = []
    const waits = events.length > 0 && !this.#over
    for (const event of events) event(handler)
    if (waits && !this.#paused) this.#upstream?.resume()
  }

  withhold(): void {
    if (this.#state !== 'kept') return
    this.abort(new Error('withheld'))
  }

  onHead(httpStatus: number, headers: readonly string[]): void {
    this.#pass((handler) => handler.onHead(httpStatus, headers))
    if (this.#state === 'kept') this.#upstream?.pause()
  }

  onData(chunk: Buffer): void {
    this.#pass((handler) => handler.onData(chunk))
  }

  onEnd(): void {
    this.#over = true
    this.#pass((handler) => handler.onEnd())
  }

  onError(error: Error): void {
    this.#over = true
    this.#pass((handler) => handler.onError(error))
  }

  #pass(event: AnswerEvent): void {
    if (this.#handler !== undefined) event(this.#handler)
    else if (this.#state === 'kept') this.#events.push(event)
  }

  get sent(): boolean {
    return this.#upstream?.sent === true
  }

  pause(): void {
    this.#paused = true
    this.#upstream?.pause()
  }

  resume(): void {
    this.#paused = false
    this.#upstream?.resume()
  }

  abort(error: Error): void {
    this.#state = 'withheld'
    this.#handler = undefined
    this.#events = []
    if (!this.#over) this.#upstream?.abort(error)
  }

  /** A read has no body. */
  write(): boolean {
    return true
  }

  end(): void {}
}
