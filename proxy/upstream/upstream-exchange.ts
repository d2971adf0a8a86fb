/** A request to the API server. */
export interface UpstreamRequest {
  readonly method: string
  /** As it stands in the request line. */
  readonly path: string
  /** Names and values in turn; Host is added, and what frames the body where no length is among them. */
  readonly headers: readonly string[]
  /** Whole, or one that is written piece by piece; null for none. */
  readonly body: Buffer | 'stream' | null
  /** How long the head of the answer may take; 0 for as long as it takes. */
  readonly headersTimeoutMs: number
  /** Whether it may share a connection with others: one that stays open, and brings little at a time. */
  readonly mayShare?: boolean
}

/**
 * Gets the answer of the API server: its head, its body, and then its end or an error. The answer may
 * come and end before the whole request was sent; what is left of that goes nowhere.
 */
export interface AnswerHandler {
  /** `headers`: names and values in turn, as they came. */
  onHead(httpStatus: number, headers: readonly string[]): void
  onData(chunk: Buffer): void
  onEnd(): void
  onError(error: Error): void
}

/** A request that was handed over, until its answer has ended. */
export interface UpstreamExchange {
  /** Whether bytes of it may have reached the API server. */
  readonly sent: boolean
  /** Nothing more of the answer is read until `resume()`; some that was read already may still come. */
  pause(): void
  resume(): void
  /** Gives it up; nothing more is told. */
  abort(error: Error): void
  /** A piece of the body; false when the API server does not keep up, until `onDrain`. */
  write(chunk: Buffer): boolean
  /** The body is whole. */
  end(): void
  onDrain: () => void
}
