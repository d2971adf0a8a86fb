import type { Duplex } from 'node:stream'
import { type Framing, requestFraming } from '../wire/body-framing.ts'
import { BodyReader } from '../wire/body-reader.ts'
import { HeadBytes } from '../wire/head-bytes.ts'
import { MalformedMessage } from '../wire/malformed-message.ts'
import { parseRequestHead, type RequestHead } from '../wire/request-head.ts'
import { AheadBytes, BlankLines } from './ahead-bytes.ts'
import { type AnswerConnection, CallerAnswer } from './caller-answer.ts'
import type {
  CallerHandler,
  CallerLimits,
  Problem,
  ServedConnection,
  TakenOver,
} from './caller-handler.ts'
import { type BodySink, type BodySource, CallerRequest } from './caller-request.ts'
import { asksForUpgrade, mayFollow } from './following.ts'
import { discardWithin, linger } from './linger.ts'

/** A caller that does not even take the answer to what cannot be read. */
const BROKEN_MS = 5_000
/** What stands for the head of what has none. */
const NO_HEAD: RequestHead = { method: '', target: '', httpVersion: '1.1', rawHeaders: [] }

/**
 * - `reading a head`: between two requests, or in the middle of a head.
 * - `serving`: a request is being served; its body is read when somebody takes it.
 * - `discarding`: it was answered before its body had come.
 * - `broken`: what came cannot be read; the caller is told so.
 * - `taken over`: a tunnel, which is somebody else's.
 * - `over`: nothing is read any more.
 */
type State = 'reading a head' | 'serving' | 'discarding' | 'broken' | 'taken over' | 'over'

/**
 * One connection of a caller that speaks HTTP/1.1: one request after the other, each read strictly
 * and answered before the next one is looked at. A caller that ends its side while it waits is gone,
 * as Go's server has it.
 */
export class CallerConnection implements AnswerConnection, BodySource, ServedConnection {
  readonly socket: Duplex
  readonly #handler: CallerHandler
  readonly #limits: CallerLimits
  readonly #heads: HeadBytes
  readonly #nowMs: () => number
  #state: State = 'reading a head'
  readonly #ahead = new AheadBytes()
  #request: CallerRequest | undefined
  #answer: CallerAnswer | undefined
  #body: BodyReader | undefined
  #sink: BodySink | undefined
  #isBodyPaused = false
  readonly #blankLines = new BlankLines()
  /** The caller's side has ended. */
  #hasEnded = false
  #deadlineMs: number

  constructor(socket: Duplex, handler: CallerHandler, limits: CallerLimits, nowMs: () => number) {
    this.socket = socket
    this.#handler = handler
    this.#limits = limits
    this.#nowMs = nowMs
    this.#heads = new HeadBytes(limits.headBytesMax)
    this.#deadlineMs = nowMs() + limits.idleMs
    socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    // The close that follows says all.
    socket.on('error', ignore)
    socket.on('close', this.#onClose)
  }

  /** Ends the connection when its time is over; to be called now and then. */
  checkTime(nowMs: number): void {
    if (nowMs < this.#deadlineMs) return
    this.#deadlineMs = Number.POSITIVE_INFINITY
    if (this.#state === 'broken') this.socket.destroy()
    else if (this.#isIdle()) this.#abandon()
    else if (this.#state === 'reading a head' || this.#state === 'serving') this.#cannotRead('late')
  }

  takeOver(): TakenOver {
    this.#state = 'taken over'
    const { socket } = this
    this.#deadlineMs = Number.POSITIVE_INFINITY
    socket.off('data', this.#onData).off('end', this.#onEnd).pause()
    return { socket, first: this.#ahead.take() }
  }

  requestComplete(): boolean {
    return this.#request?.complete === true
  }

  begun(): void {
    if (this.#hasEnded && this.#state === 'serving') this.#abandon()
  }

  mayStay(): boolean {
    const head = this.#request?.head
    if (head === undefined || this.#state !== 'serving') return false
    return this.#handler.mayStay() && mayFollow(head)
  }

  answered(stays: boolean): void {
    this.#answer = undefined
    if (this.#state === 'serving' && !this.requestComplete()) this.#discardRest()
    else if (!stays || this.#state !== 'serving' || this.#hasEnded) this.#seeOff()
    else this.#readNext()
  }

  #readNext(): void {
    this.#request = undefined
    this.#state = 'reading a head'
    this.#deadlineMs = this.#nowMs() + this.#limits.idleMs
    const ahead = this.#ahead.take()
    this.socket.resume()
    if (ahead.length > 0) this.#readHead(ahead)
  }

  #discardRest(): void {
    this.#state = 'discarding'
    this.#deadlineMs = Number.POSITIVE_INFINITY
    this.readBody(discardWithin(() => this.#seeOff()))
  }

  #seeOff(): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#sink = undefined
    this.#ahead.take()
    this.socket.end()
    linger(this.socket)
  }

  readBody(sink: BodySink): void {
    this.#sink = sink
    if (this.#readsBody()) this.resumeBody()
    else sink.onLost()
  }

  pauseBody(): void {
    this.#isBodyPaused = true
  }

  resumeBody(): void {
    this.#isBodyPaused = false
    const ahead = this.#ahead.take()
    if (ahead.length > 0) this.#readBodyFrom(ahead)
    if (!this.#isBodyPaused && this.#readsBody()) this.socket.resume()
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#state === 'reading a head') this.#readHead(chunk)
    else if (!this.#readsBody()) return
    else if (this.#wantsBody()) this.#readBodyFrom(chunk)
    else this.#keepAhead(chunk)
  }

  readonly #onEnd = (): void => {
    this.#hasEnded = true
    if (this.#state !== 'broken' && !this.#mayBecomeTunnel()) this.#abandon()
  }

  readonly #onClose = (): void => {
    this.#state = 'over'
    this.#loseBody()
    this.#answer?.closed()
  }

  #mayBecomeTunnel(): boolean {
    const request = this.#request
    if (request === undefined || this.#answer === undefined || this.#answer.begun) return false
    return asksForUpgrade(request.head) && this.#handler.asksForTunnel(request)
  }

  #isIdle(): boolean {
    return this.#state === 'reading a head' && this.#heads.length === 0
  }

  #readsBody(): boolean {
    return this.#state === 'serving' || this.#state === 'discarding'
  }

  #wantsBody(): boolean {
    return this.#sink !== undefined && !this.#isBodyPaused && this.#body?.isDone === false
  }

  /** The caller is gone: whoever serves it stops, and what was written leaves. */
  #abandon(): void {
    const answer = this.#answer
    this.#answer = undefined
    answer?.closed()
    this.#loseBody()
    this.#seeOff()
  }

  #loseBody(): void {
    const sink = this.#sink
    this.#sink = undefined
    if (this.#body?.isDone === false) sink?.onLost()
  }

  #cannotRead(problem: Problem): void {
    if (this.#state === 'discarding') {
      this.#loseBody()
      return
    }
    this.#state = 'broken'
    this.#deadlineMs = this.#nowMs() + BROKEN_MS
    this.#ahead.take()
    this.#answer ??= new CallerAnswer(NO_HEAD, this)
    this.#handler.onMalformed(problem, this.#answer)
    this.#loseBody()
  }

  #readHead(chunk: Buffer): void {
    const bytes = this.#heads.length === 0 ? this.#blankLines.skip(chunk) : chunk
    if (bytes.length === 0) return
    if (this.#heads.length === 0) this.#deadlineMs = this.#nowMs() + this.#limits.headMs
    let head: RequestHead
    let rest: Buffer
    let framing: Framing
    try {
      const found = this.#heads.push(bytes)
      if (found === undefined) return
      head = parseRequestHead(found.text)
      rest = found.rest
      framing = requestFraming(head.rawHeaders, head.httpVersion)
    } catch (error) {
      this.#cannotRead(problemOf(error))
      return
    }
    this.#serve(head, framing, rest)
  }

  #serve(head: RequestHead, framing: Framing, rest: Buffer): void {
    this.#state = 'serving'
    this.#body = new BodyReader(framing)
    this.#sink = undefined
    this.#isBodyPaused = false
    const request = new CallerRequest(head, this, !this.#body.isDone)
    const answer = new CallerAnswer(head, this)
    this.#request = request
    this.#answer = answer
    this.#deadlineMs = request.complete
      ? Number.POSITIVE_INFINITY
      : this.#nowMs() + this.#limits.requestMs
    if (rest.length > 0) this.#keepAhead(rest)
    this.#handler.onRequest(request, answer, this)
  }

  /** Bytes whose time has not come: of a body that nobody takes yet, or of the next request. */
  #keepAhead(chunk: Buffer): void {
    this.#ahead.add(chunk)
    if (this.#body?.isDone === false || this.#ahead.isMuch) this.socket.pause()
  }

  #readBodyFrom(bytes: Buffer): void {
    const body = this.#body
    const sink = this.#sink
    if (body === undefined || sink === undefined) return
    let taken: number
    try {
      taken = body.read(bytes, (chunk) => sink.onData(chunk))
    } catch (error) {
      this.#cannotRead(problemOf(error))
      return
    }
    if (body.isDone) {
      this.#deadlineMs = Number.POSITIVE_INFINITY
      this.#request?.completed()
      this.#sink = undefined
      sink.onEnd()
    } else if (this.#isBodyPaused) this.socket.pause()
    if (taken < bytes.length && this.#readsBody()) this.#keepAhead(bytes.subarray(taken))
  }
}

function ignore(): void {
  // The close that follows says all.
}

function problemOf(error: unknown): Problem {
  if (!(error instanceof MalformedMessage)) throw error
  return error.reason === 'the head is too long' ? 'head too long' : 'malformed'
}
