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
    const { rawHeaders } = this.head
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const own = rawHeaders[index]
      if (own?.length === name.length && own.toLowerCase() === name) return rawHeaders[index + 1]
    }
    return undefined
  }

  /** All values of a header as one list, by its name in lower case; undefined when there is none. */
  headerList(name: string): string | undefined {
    const { rawHeaders } = this.head
    const values = rawHeaders.filter(
      (_text, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name,
    )
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
