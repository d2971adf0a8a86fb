import { type HttpVersion, responseFraming } from '../wire/body-framing.ts'
import { BodyReader } from '../wire/body-reader.ts'
import { HeadBytes } from '../wire/head-bytes.ts'
import { MalformedMessage } from '../wire/malformed-message.ts'
import { parseResponseHead } from '../wire/response-head.ts'
import type { AnswerHandler } from './upstream-exchange.ts'

/** What is proxied may set many cookies; kube-apiserver's own heads take less than one kilobyte. */
export const HEAD_BYTES_MAX = 1024 * 1024

type AnswerSink = Pick<AnswerHandler, 'onHead' | 'onData'>

/** Reads one answer off a connection, informational ones before it included, and no byte behind it. */
export class AnswerReader {
  readonly #method: string
  readonly #sink: AnswerSink
  readonly #onBytes: (chunk: Buffer) => void
  readonly #head = new HeadBytes(HEAD_BYTES_MAX)
  #headBytes = 0
  #body: BodyReader | undefined
  #keepsConnection = false
  #idleMsMax = Number.POSITIVE_INFINITY

  /** `method` is the request's: the answer to HEAD has no body. */
  constructor(method: string, sink: AnswerSink) {
    this.#method = method
    this.#sink = sink
    this.#onBytes = (chunk) => sink.onData(chunk)
  }

  get hasBegun(): boolean {
    return this.#body !== undefined
  }

  /** Whether the whole answer was read. */
  get isDone(): boolean {
    return this.#body?.isDone === true
  }

  /** Whether another request may go over the connection, as far as the answer says. */
  get keepsConnection(): boolean {
    return this.#keepsConnection
  }

  /** How long the server keeps a connection on which nothing happens, as far as it says. */
  get idleMsMax(): number {
    return this.#idleMsMax
  }

  /** Returns how many of `bytes` belong to the answer. Throws `MalformedMessage`. */
  read(bytes: Buffer): number {
    let rest = bytes
    while (this.#body === undefined) {
      if (rest.length === 0) return bytes.length
      const head = this.#head.push(rest)
      // Of all heads together, or informational ones could come for ever.
      this.#headBytes += rest.length - (head?.rest.length ?? 0)
      if (this.#headBytes > HEAD_BYTES_MAX) throw new MalformedMessage('the head is too long')
      if (head === undefined) return bytes.length
      rest = head.rest
      this.#readHead(head.text)
    }
    return bytes.length - rest.length + this.#body.read(rest, this.#onBytes)
  }

  #readHead(text: string): void {
    const { version, httpStatus, headers } = parseResponseHead(text)
    if (httpStatus === 101) throw new MalformedMessage('an upgrade that was not asked for')
    const framing = responseFraming(this.#method, httpStatus, headers, version)
    if (httpStatus < 200) return
    this.#body = new BodyReader(framing)
    this.#keepsConnection = framing.kind !== 'until close' && !this.#saysClose(headers, version)
    this.#sink.onHead(httpStatus, headers)
  }

  #saysClose(headers: readonly string[], version: HttpVersion): boolean {
    let closes = version === '1.0'
    for (let index = 0; index < headers.length; index += 2) {
      const name = headers[index] ?? ''
      // "connection" and "keep-alive" have the same length.
      if (name.length !== 10) continue
      const value = headers[index + 1] ?? ''
      const lower = name.toLowerCase()
      if (lower === 'connection') closes ||= CLOSE.test(value)
      else if (lower === 'keep-alive') this.#idleMsMax = idleMsOf(value)
    }
    return closes
  }

  /** The connection has no more bytes: whether the answer is whole. */
  endOfInput(): boolean {
    return this.#body?.endOfInput() === true
  }
}

const CLOSE = /(?:^|[,\s])close(?:$|[,\s])/i
const TIMEOUT = /(?:^|[,\s])timeout=(\d{1,9})(?:$|[,\s])/i
/** Before the server closes it, so that no request meets its end. */
const MARGIN_MS = 1_000

/** What "Keep-Alive: timeout=5" promises. */
function idleMsOf(value: string): number {
  const seconds = TIMEOUT.exec(value)?.[1]
  return seconds === undefined
    ? Number.POSITIVE_INFINITY
    : Math.max(0, Number(seconds) * 1_000 - MARGIN_MS)
}
