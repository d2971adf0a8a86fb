import { PassThrough } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { AnswerHandler, UpstreamExchange, UpstreamRequest } from './upstream-exchange.ts'

/** Sends one request through undici. */
export function dispatchWithUndici(
  pool: Dispatcher,
  request: UpstreamRequest,
  handler: AnswerHandler,
): UpstreamExchange {
  const exchange = new UndiciExchange(request, handler)
  const options = {
    path: request.path,
    method: request.method,
    headers: [...request.headers],
    body: exchange.body,
    headersTimeout: request.headersTimeoutMs,
    // Keeps the connection after HEAD and DELETE too.
    reset: false,
  }
  pool.dispatch(options, exchange)
  return exchange
}

class UndiciExchange implements UpstreamExchange, Dispatcher.DispatchHandler {
  readonly body: PassThrough | Buffer | null
  readonly #handler: AnswerHandler
  readonly #pieces: PassThrough | undefined
  #controller: Dispatcher.DispatchController | undefined
  #aborted: Error | undefined
  onDrain = (): void => undefined

  constructor(request: UpstreamRequest, handler: AnswerHandler) {
    this.#handler = handler
    this.#pieces = request.body === 'stream' ? new PassThrough() : undefined
    this.#pieces?.on('drain', () => this.onDrain()).on('error', () => undefined)
    this.body = request.body === 'stream' ? (this.#pieces ?? null) : request.body
  }

  get sent(): boolean {
    return this.#controller !== undefined
  }

  pause(): void {
    this.#controller?.pause()
  }

  resume(): void {
    this.#controller?.resume()
  }

  abort(error: Error): void {
    this.#aborted = error
    this.#controller?.abort(error)
  }

  write(chunk: Buffer): boolean {
    return this.#pieces?.write(chunk) !== false
  }

  end(): void {
    this.#pieces?.end()
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#aborted !== undefined) controller.abort(this.#aborted)
  }

  onResponseStart(controller: Dispatcher.DispatchController, httpStatus: number): void {
    // Informational answers come before the real one and are not the caller's.
    if (httpStatus < 200) return
    const raw = (controller.rawHeaders ?? []) as readonly Buffer[]
    this.#handler.onHead(
      httpStatus,
      raw.map((text) => text.toString('latin1')),
    )
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#handler.onData(chunk)
  }

  onResponseEnd(): void {
    this.#handler.onEnd()
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#aborted === undefined) this.#handler.onError(error)
  }
}
