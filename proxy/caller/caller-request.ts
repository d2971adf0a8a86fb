import { headerValue, headerValues } from '../wire/header-pairs.ts'
import type { RequestHead } from '../wire/request-head.ts'

/** Whoever takes the body of a request. */
export interface BodySink {
  onData(chunk: Buffer): void
  /** All of the body has come. */
  onEnd(): void
  /** The body will not come whole. */
  onLost(): void
}

/** What a request can ask of its connection. */
export interface BodySource {
  /** Hands the body to `sink` from now on; before that nothing of it is read. */
  readBody(sink: BodySink): void
  pauseBody(): void
  resumeBody(): void
}

/** A request of a caller: its head as it came, and its body when somebody takes it. */
export class CallerRequest {
  readonly head: RequestHead
  readonly #source: BodySource
  #complete: boolean

  /** `hasBody`: whether a body follows the head. */
  constructor(head: RequestHead, source: BodySource, hasBody: boolean) {
    this.head = head
    this.#source = source
    this.#complete = !hasBody
  }

  get method(): string {
    return this.head.method
  }

  /** Of the request line, untouched. */
  get target(): string {
    return this.head.target
  }

  /** Names and values in turn. */
  get rawHeaders(): readonly string[] {
    return this.head.rawHeaders
  }

  /** Whether the whole of it has come, body included. */
  get complete(): boolean {
    return this.#complete
  }

  /** The first value of a header, by its name in lower case. */
  header(name: string): string | undefined {
    return headerValue(this.head.rawHeaders, name)
  }

  /** All values of a header as one list, by its name in lower case; undefined when there is none. */
  headerList(name: string): string | undefined {
    const values = headerValues(this.head.rawHeaders, name)
    return values.length === 0 ? undefined : values.join(', ')
  }

  /** Takes the body: once, by one sink. Of a request without a body the end is told immediately. */
  readBody(sink: BodySink): void {
    if (this.#complete) sink.onEnd()
    else this.#source.readBody(sink)
  }

  pauseBody(): void {
    this.#source.pauseBody()
  }

  resumeBody(): void {
    this.#source.resumeBody()
  }

  /** For its connection: the last byte has come. */
  completed(): void {
    this.#complete = true
  }
}
