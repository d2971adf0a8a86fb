import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { Fault } from '../../core/fault.ts'
import { answerCaller, faultAnswer } from '../answer/answer.ts'
import { headText } from '../caller/caller-answer.ts'
import { linger } from '../caller/linger.ts'
import type { Served } from '../caller/served.ts'
import type { ProxyDeps } from '../deps.ts'
import type { Revoked } from '../judgement/authorizer.ts'
import type { TunnelMask } from '../masking/tunnel-mask.ts'
import type { RecordedSession } from '../session/recorded-session.ts'
import { upstreamFault } from '../upstream/upstream-fault.ts'
import { answerHeaders, type BodyFilter, throughAll } from './body-filter.ts'
import type { Exchange } from './exchange.ts'
import { tokenRefused, weigh401 } from './own-refusal.ts'
import { passAnswer } from './pass-answer.ts'
import { prepareSocket } from './prepare-socket.ts'
import { callerHeaders, isUpgradedTo, tunnelHeaders } from './response-headers.ts'
import { revokedAnswer } from './revoked-answer.ts'
import type { TunnelMasking } from './tunnel-masking.ts'
import type { TunnelRecording } from './tunnel-recording.ts'

type TunnelWay = 'request' | 'response'
type Stage = Readonly<Record<TunnelWay, Duplex>> | undefined

const NOTHING = Buffer.alloc(0)
/** In which a caller takes what it is told last. */
const FAREWELL_MS = 1_000

/** One connection of the caller and one to the API server, which live and end together. */
export class Tunnel {
  readonly #deps: ProxyDeps
  readonly #exchange: Exchange
  readonly #served: Served
  readonly #filter: BodyFilter | undefined
  #request: ClientRequest | undefined
  /** The caller's connection, once it is a tunnel. */
  #caller: Duplex | undefined
  #server: Duplex | undefined
  #recording: TunnelRecording | undefined
  #session: RecordedSession | undefined
  #masking: TunnelMasking | undefined
  /** The session has failed, and the caller is being told. */
  #isFailing = false
  #timer: NodeJS.Timeout | undefined

  constructor(deps: ProxyDeps, exchange: Exchange, served: Served) {
    this.#deps = deps
    this.#exchange = exchange
    this.#served = served
    this.#filter = deps.openFilter?.(exchange.permit)
  }

  /** Over, failed or revoked: nothing may be sent any more. */
  get isOver(): boolean {
    return this.#exchange.isOver || this.#exchange.hasFailed
  }

  /** What passes goes on this record. */
  record(recording: TunnelRecording): void {
    this.#recording = recording
    if (this.isOver) recording.end()
  }

  /** Values of what comes back are hidden. */
  hide(masking: TunnelMasking): void {
    this.#masking = masking
  }

  open(request: ClientRequest): void {
    this.#request = request
    request.on('upgrade', (response, server, serverHead) => {
      this.#connect(response, server, serverHead)
    })
    request.on('response', (response) => this.#refuse(response))
    request.on('error', (error) => {
      const { method } = this.#exchange.permit.request
      if (!this.#exchange.isOver) this.fail(upstreamFault(error, { method, sent: false }))
    })
    // Node's own limit begins with the connection; one that is never made would take minutes.
    this.#timer = setTimeout(() => {
      request.destroy(new Fault('upstream_unavailable', 'The API server did not answer in time'))
    }, this.#deps.upstreamHeadersTimeoutMs)
    if (this.#exchange.permit.request.info.attributes.subresource === 'proxy') {
      // Proxied services may take their time.
      request.once('socket', (socket) => {
        socket.once('secureConnect', () => clearTimeout(this.#timer))
      })
    }
    request.end()
  }

  #connect(response: IncomingMessage, server: Duplex, serverHead: Buffer): void {
    clearTimeout(this.#timer)
    this.#server = server
    // It closes after an error, and that is where it ends.
    server.on('error', () => undefined)
    if (this.#exchange.isOver) {
      server.destroy()
      return
    }
    const { protocol } = this.#exchange.permit.request
    if (!isUpgradedTo(protocol, response)) {
      this.fail(new Fault('upstream_failed', 'The API server upgraded to something not asked for'))
      return
    }
    let hidden: TunnelMask | undefined
    try {
      hidden = this.#masking?.begin(response.headers)
      this.#session = this.#recording?.begin(response.headers, (fault) => this.#failSession(fault))
    } catch (error) {
      this.fail(Fault.from(error))
      return
    }
    this.#exchange.began(101)
    this.#deps.metrics.openTunnels.inc()
    const { socket: caller, first } = this.#served.connection.takeOver()
    this.#caller = caller
    for (const socket of [caller, server]) prepareSocket(socket)
    const answer = tunnelHeaders(response.rawHeaders, protocol, this.#exchange.permit.warning)
    // Node decodes header values as Latin-1, so this gives back the bytes that came.
    caller.write(`${headText(101, answer)}\r\n`, 'latin1')
    this.#exchange.passed(serverHead.length)
    server.on('data', (chunk: Buffer) => this.#exchange.passed(chunk.length))
    // What is hidden is not on record either, and what is changed is on record as the caller gets it.
    const stages = [hidden, this.#filter, this.#session]
    this.#join(server, caller, serverHead, stages, 'response')
    this.#join(caller, server, first, stages, 'request')
  }

  /** Passes bytes and the end on, `first` before them; the other direction goes on until it ends too. */
  #join(from: Duplex, to: Duplex, first: Buffer, stages: readonly Stage[], way: TunnelWay): void {
    const sink = stages.reduceRight<Duplex>((next, stage) => {
      stage?.[way].once('error', (error) => this.#failFilter(error)).pipe(next)
      return stage?.[way] ?? next
    }, to)
    // What came with the head is the begin of what the stream carries.
    if (first.length > 0) sink.write(first)
    from.pipe(sink)
    from.once('close', () => {
      if (this.#isFailing && from === this.#server) return
      if (to.destroyed) this.finish()
      else if (from.errored === null && from.readableEnded) this.#linger(to)
      else if (from === this.#server) this.#flush(from, to, sink)
      else this.finish()
    })
  }

  /** The session must not go on: nothing passes any more, and the caller is told why. */
  #failSession(fault: Fault): void {
    if (this.#exchange.isOver || this.#isFailing) return
    this.#isFailing = true
    // Of a revocation that is told already.
    if (!this.#exchange.hasFailed) this.#exchange.failed(fault, 'Cannot continue the session')
    this.#sayFarewell()
  }

  #sayFarewell(): void {
    const caller = this.#caller
    if (caller === undefined || this.#session === undefined) {
      this.finish()
      return
    }
    this.#server?.unpipe().destroy()
    // Bytes of the caller are still read: a close with unread bytes would reset the farewell.
    caller.unpipe().resume()
    this.#session.sayFarewell()
    caller.once('close', () => this.finish())
    this.#timer = setTimeout(() => this.finish(), FAREWELL_MS)
  }

  /** Bytes that did not pass the filter must not pass at all. */
  #failFilter(error: unknown): void {
    if (this.#exchange.isOver) return
    const fault = Fault.from(error)
    if (this.#session !== undefined) {
      this.#session.fail({ fault, ending: 'unreadable' })
      return
    }
    this.#exchange.failed(fault, 'Cannot filter the tunnel')
    if (this.#caller === undefined) this.#served.answer.destroy()
    else this.finish()
  }

  /** The API server broke off, as it does over bytes that come after its end: what it said counts. */
  #flush(server: Duplex, caller: Duplex, sink: Duplex): void {
    const rest: Buffer | null = server.read()
    if (rest !== null) sink.write(rest)
    sink.end()
    caller.resume()
    this.#linger(caller)
  }

  /** The other side has gone. A close with unread bytes would reset what was sent. */
  #linger(socket: Duplex): void {
    socket.once('close', () => this.finish())
    if (socket.writableFinished) linger(socket)
    else socket.once('finish', () => linger(socket))
  }

  /** What the API server says instead of an upgrade is the caller's, unless it is about us. */
  #refuse(response: IncomingMessage): void {
    clearTimeout(this.#timer)
    // It closes after an error, and that is where it ends.
    response.on('error', () => undefined)
    if (response.statusCode !== 401) {
      this.#pass(response, NOTHING)
      return
    }
    weigh401(response, (said) => {
      if (said === 'broken') this.fail(new Fault('upstream_failed', 'The API server broke off'))
      else if (said === 'own') {
        this.#deps.credentials.refused()
        this.fail(tokenRefused())
      } else this.#pass(response, said)
    })
  }

  #pass(response: IncomingMessage, first: Buffer): void {
    if (this.#exchange.isOver) return
    const status = response.statusCode ?? 502
    const filter = this.#filter
    const { answer } = this.#served
    try {
      const opened = this.#masking?.answer(status, response.rawHeaders)
      const own = answerHeaders(opened?.headers ?? response.rawHeaders, filter)
      const headers = callerHeaders(own, this.#exchange.permit.warning)
      const stages = [opened?.body(), filter?.response]
      const through = throughAll(stages, (error) => this.#failFilter(error))
      this.#exchange.began(status)
      this.#exchange.passed(first.length)
      response.on('data', (chunk: Buffer) => this.#exchange.passed(chunk.length))
      passAnswer({ answer, response, headers, first, through }, (whole) => this.#passed(whole))
    } catch (error) {
      this.fail(Fault.from(error))
    }
  }

  #passed(whole: boolean): void {
    if (!whole) {
      const fault = new Fault('upstream_failed', 'The API server broke off')
      this.#exchange.failed(fault, 'Cannot pass the whole answer on')
    }
    this.#letGo()
  }

  fail(fault: Fault): void {
    // Answered already, or nobody is left to answer.
    if (this.#exchange.isOver || this.#exchange.httpStatus !== 0) return
    const { decisionId } = this.#exchange.permit
    this.#exchange.failed(fault, 'Cannot open the tunnel')
    const answer = faultAnswer(fault)
    this.#exchange.began(answer.status.code)
    this.#exchange.passed(answerCaller(this.#served.answer, { ...answer, decisionId }))
    this.#letGo()
  }

  /** What allowed the tunnel no longer does. */
  cut(revoked: Revoked): void {
    if (this.#session !== undefined) {
      const fault = new Fault(revoked.code, revoked.message)
      this.#session.fail({ fault, ending: 'revoked' })
      return
    }
    if (this.#caller !== undefined) {
      this.finish()
      return
    }
    const answer = revokedAnswer(this.#exchange.permit, revoked, this.#request !== undefined)
    if (!this.#served.answer.begun) this.#exchange.began(answer.status.code)
    this.#exchange.passed(answerCaller(this.#served.answer, answer))
    this.#letGo()
  }

  #letGo(): void {
    clearTimeout(this.#timer)
    this.#server?.destroy()
    this.#request?.destroy()
  }

  /** Ends both sides, whichever ended first, and reports once. */
  finish(): void {
    this.#exchange.masked(this.#masking?.counts() ?? new Map())
    if (!this.#exchange.finish()) return
    this.#caller?.destroy()
    this.#letGo()
    this.#filter?.request.destroy()
    this.#filter?.response.destroy()
    this.#recording?.end()
    if (this.#exchange.httpStatus === 101) this.#deps.metrics.openTunnels.dec()
  }
}
