import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { Fault } from '../../core/fault.ts'
import { answerSocket, faultAnswer, printHead } from '../answer/answer.ts'
import { linger } from '../answer/linger.ts'
import type { ProxyDeps } from '../deps.ts'
import type { Permit } from '../judgement/authorize.ts'
import { countFault } from '../metrics.ts'
import { upstreamFault } from '../upstream/upstream-fault.ts'
import { tokenRefused, Weighed401 } from './own-refusal.ts'
import { passAnswer } from './pass-answer.ts'
import { upgradeHeaders, upstreamHeaders } from './request-headers.ts'
import { callerHeaders, tunnelHeaders } from './response-headers.ts'

const TCP_KEEP_ALIVE_MS = 30_000
const NOTHING = Buffer.alloc(0)

/**
 * Stop 4 for upgrades: opens the same tunnel to the API server and relays it byte for byte, both
 * ways, half-closes included. Only a 101 opens it; any other answer is passed on, and both connections
 * end after it, so that nobody goes on speaking on one that the API server trusts (CVE-2018-1002105).
 */
export function relayTunnel(
  deps: ProxyDeps,
  permit: Permit,
  incoming: IncomingMessage,
  caller: Duplex,
  head: Buffer,
): void {
  const tunnel = new Tunnel(deps, permit, incoming, caller)
  if (caller.destroyed) {
    tunnel.finish()
    return
  }
  caller.on('error', () => tunnel.finish())
  deps.authorizer.onRevoked(permit.decisionId, () => tunnel.cut())
  // Revoked already: nothing is sent.
  if (caller.destroyed) return
  try {
    tunnel.open(openRequest(deps, permit, incoming), head)
  } catch (error) {
    tunnel.fail(Fault.from(error))
  }
}

function openRequest(deps: ProxyDeps, permit: Permit, incoming: IncomingMessage): ClientRequest {
  const { request, decisionId } = permit
  const headers = [
    ...upstreamHeaders(incoming.rawHeaders, {
      credentials: deps.credentials.headersFor(request.caller),
      decisionId,
      userAgent: request.userAgent,
    }),
    ...upgradeHeaders(incoming.headers, request.protocol),
  ]
  if (request.method !== 'GET') headers.push('content-length', '0')
  return deps.upstream.openTunnel({
    method: request.method,
    path: request.info.target,
    headers,
  })
}

/** One connection of the caller and one to the API server, which live and end together. */
class Tunnel {
  readonly #deps: ProxyDeps
  readonly #permit: Permit
  readonly #incoming: IncomingMessage
  readonly #caller: Duplex
  #request: ClientRequest | undefined
  #server: Duplex | undefined
  #httpStatus = 0
  #fault = ''
  #bytes = 0
  #timer: NodeJS.Timeout | undefined
  #finished = false

  constructor(deps: ProxyDeps, permit: Permit, incoming: IncomingMessage, caller: Duplex) {
    this.#deps = deps
    this.#permit = permit
    this.#incoming = incoming
    this.#caller = caller
  }

  open(request: ClientRequest, head: Buffer): void {
    this.#request = request
    this.#caller.once('close', () => {
      // Once there is a tunnel, its own rules say when it is over.
      if (this.#httpStatus !== 101) this.finish()
    })
    request.on('upgrade', (response, server, serverHead) => {
      this.#connect(response, server, head, serverHead)
    })
    request.on('response', (response) => this.#refuse(response))
    request.on('error', (error) => {
      const { method } = this.#permit.request
      if (!this.#finished) this.fail(upstreamFault(error, { method, sent: false }))
    })
    // Node's own limit begins with the connection; one that is never made would take minutes.
    this.#timer = setTimeout(() => {
      request.destroy(new Fault('upstream_unavailable', 'The API server did not answer in time'))
    }, this.#deps.upstreamHeadersTimeoutMs)
    if (this.#permit.request.info.attributes.subresource === 'proxy') {
      // Proxied services may take their time.
      request.once('socket', (socket) => {
        socket.once('secureConnect', () => clearTimeout(this.#timer))
      })
    }
    request.end()
  }

  #connect(response: IncomingMessage, server: Duplex, head: Buffer, serverHead: Buffer): void {
    clearTimeout(this.#timer)
    this.#server = server
    // It closes after an error, and that is where it ends.
    server.on('error', () => undefined)
    if (this.#finished) {
      server.destroy()
      return
    }
    const { protocol } = this.#permit.request
    const wrong =
      response.statusCode !== 101 ||
      response.headers.upgrade?.toLowerCase() !== protocol.toLowerCase() ||
      response.headers['sec-websocket-extensions'] !== undefined
    if (wrong) {
      this.fail(new Fault('upstream_failed', 'The API server upgraded to something not asked for'))
      return
    }
    this.#httpStatus = 101
    this.#deps.metrics.openTunnels.inc()
    const caller = this.#caller
    for (const socket of [caller, server]) prepareSocket(socket)
    const answer = tunnelHeaders(response.headers, protocol, this.#permit.warning)
    // Node decodes header values as Latin-1, so this gives back the bytes that came.
    caller.write(printHead(101, answer), 'latin1')
    if (serverHead.length > 0) caller.write(serverHead)
    if (head.length > 0) server.write(head)
    this.#bytes = serverHead.length
    server.on('data', (chunk: Buffer) => {
      this.#bytes += chunk.length
    })
    this.#join(server, caller)
    this.#join(caller, server)
  }

  /** Passes bytes and the end on; the other direction goes on until it ends too. */
  #join(from: Duplex, to: Duplex): void {
    from.pipe(to)
    from.once('close', () => {
      if (to.destroyed) this.finish()
      else if (from.errored === null && from.readableEnded) this.#linger(to)
      else if (from === this.#server) this.#flush(from, to)
      else this.finish()
    })
  }

  /** The API server broke off, as it does over bytes that come after its end: what it said counts. */
  #flush(server: Duplex, caller: Duplex): void {
    const rest: Buffer | null = server.read()
    if (rest !== null) caller.write(rest)
    caller.end()
    caller.resume()
    this.#linger(caller)
  }

  /** The other side has gone. A close with unread bytes would reset what was sent. */
  #linger(socket: Duplex): void {
    socket.once('close', () => this.finish())
    if (socket.writableFinished) linger(socket)
    else socket.once('finish', () => linger(socket))
  }

  /** The API server did not upgrade: what it says instead is the caller's, unless it is about us. */
  #refuse(response: IncomingMessage): void {
    clearTimeout(this.#timer)
    // It closes after an error, and that is where it ends.
    response.on('error', () => undefined)
    if (response.statusCode !== 401) {
      this.#pass(response, NOTHING)
      return
    }
    const weighed = new Weighed401()
    const weigh = (chunk: Buffer) => {
      if (!weighed.add(chunk)) return
      response.off('data', weigh).off('close', decide)
      this.#pass(response, weighed.body())
    }
    const decide = () => {
      if (!response.complete) this.fail(new Fault('upstream_failed', 'The API server broke off'))
      else if (!weighed.isOwn()) this.#pass(response, weighed.body())
      else {
        this.#deps.credentials.refused()
        this.fail(tokenRefused())
      }
    }
    response.on('data', weigh).once('close', decide)
  }

  #pass(response: IncomingMessage, first: Buffer): void {
    if (this.#finished) return
    this.#httpStatus = response.statusCode ?? 0
    this.#bytes = first.length
    response.on('data', (chunk: Buffer) => {
      this.#bytes += chunk.length
    })
    const headers = callerHeaders(response.headers, this.#permit.warning)
    passAnswer(
      { incoming: this.#incoming, caller: this.#caller, response, headers, first },
      (whole) => {
        if (!whole) {
          this.#fault = 'upstream_failed'
          countFault(this.#deps.metrics, 'upstream_failed')
        }
        this.#letGo()
      },
    )
  }

  fail(fault: Fault): void {
    // Answered already, or nobody is left to answer.
    if (this.#finished || this.#httpStatus !== 0) return
    this.#fault = fault.code
    const { decisionId } = this.#permit
    countFault(this.#deps.metrics, fault.code)
    this.#deps.logger.warn({ error: fault, decisionId }, 'Cannot open the tunnel')
    const answer = faultAnswer(fault)
    this.#httpStatus = answer.status.code
    this.#letGo()
    this.#bytes = answerSocket(this.#caller, { ...answer, decisionId })
  }

  #letGo(): void {
    clearTimeout(this.#timer)
    this.#server?.destroy()
    this.#request?.destroy()
  }

  /** What allowed the tunnel no longer does. */
  cut(): void {
    this.#fault = 'permission_denied'
    this.finish()
  }

  /** Ends both sides, whichever ended first, and reports once. */
  finish(): void {
    if (this.#finished) return
    this.#finished = true
    this.#caller.destroy()
    this.#letGo()
    const { metrics, authorizer } = this.#deps
    if (this.#httpStatus === 101) metrics.openTunnels.dec()
    if (this.#fault === '') metrics.requests.inc({ result: 'allowed' })
    authorizer.report({
      decisionId: this.#permit.decisionId,
      httpStatus: this.#httpStatus,
      fault: this.#fault,
      responseBytes: BigInt(this.#bytes),
    })
  }
}

interface SocketOptions {
  allowHalfOpen?: boolean
  setTimeout?(ms: number): void
  setKeepAlive?(on: boolean, delayMs: number): void
  setNoDelay?(on: boolean): void
}

/** A tunnel may be silent for hours; a peer that is gone is noticed by TCP. */
function prepareSocket(socket: Duplex & SocketOptions): void {
  socket.allowHalfOpen = true
  socket.setTimeout?.(0)
  socket.setKeepAlive?.(true, TCP_KEEP_ALIVE_MS)
  socket.setNoDelay?.(true)
}
