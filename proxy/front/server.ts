import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createServer as createListener, type Server as Listener, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { Fault } from '../../core/fault.ts'
import { MEMORY_LIMIT_ANNOTATION } from '../../core/names.ts'
import { boundConnections } from '../../platform/bound-connections.ts'
import type { CertificatePair } from '../../platform/certificate-authority.ts'
import { trackConnections } from '../../platform/connections.ts'
import { answerRequest, answerUpgrade, faultAnswer } from '../answer/answer.ts'
import type { ProxyDeps } from '../deps.ts'
import { isUpgrade } from '../judgement/parse-upgrade.ts'
import { countFault } from '../metrics.ts'
import { createApp, handleRequest, handleUpgrade } from './app.ts'
import { answerClientError } from './client-error.ts'
import { HEAD_BYTES_MAX, HeadBudget } from './head-budget.ts'
import { IDLE_CONNECTIONS_MAX, longHeadBytesThatFit } from './memory-budget.ts'
import { OpenRequests } from './open-requests.ts'

/** A caller on the same host sends its head in one go. */
const HEADERS_TIMEOUT_MS = 30_000
/** The whole of a request, body included; what comes back may take for ever. */
const REQUEST_TIMEOUT_MS = 300_000
/** Longer than the 90 s for which Go's clients keep a connection, so that the client closes first. */
const KEEP_ALIVE_MS = 120_000

/** A caller on the same host has its handshake done in milliseconds. */
const HANDSHAKE_MS = 10_000

const LOOPBACK = '127.0.0.1'
const LOOPBACK_IPV6 = '::1'

export interface ProxyServer {
  readonly port: number
  /** Serves another certificate to connections made from now on. */
  setCertificate(pair: CertificatePair): void
  listening(): boolean
  /** Takes no more connections and waits for running requests, at most `drainMs`. */
  close(drainMs: number): Promise<void>
}

interface Places {
  readonly port: number
  readonly ipv6: boolean
  /** `address:port` of loopback, for callers of the API server's name; empty means none. */
  readonly serviceNameAddress: string
}

/**
 * Listens on loopback only, HTTP/1.1 over TLS. Being on the same host proves nothing (others can
 * reach loopback through port-forward, and containers share it), so every request brings a token;
 * for the same reason the Host header is not looked at.
 */
export async function startServer(
  deps: ProxyDeps,
  options: CertificatePair & Places,
): Promise<ProxyServer> {
  const { server, drained, cut } = createProxyServer(deps, options)
  const port = await listen(server, options.port, LOOPBACK)
  const others = await listenBeside(server, placesBeside(options, port), deps)
  return {
    port,
    setCertificate: (pair) => server.setSecureContext(toContext(pair)),
    listening: () => server.listening,
    close: async (drainMs) => {
      const ended = [server, ...others].map(endListener)
      const timer = setTimeout(cut, drainMs)
      await drained()
      clearTimeout(timer)
      // Connections without a request are left, some in the middle of their handshake.
      cut()
      await Promise.all(ended)
    },
  }
}

function endListener(listener: Listener): Promise<void> {
  return new Promise((resolve) => {
    listener.close(() => resolve())
  })
}

function toContext({ certificatePem, privateKeyPem }: CertificatePair) {
  return { cert: certificatePem, key: privateKeyPem, minVersion: 'TLSv1.2' as const }
}

interface ProxyFront {
  readonly server: Server
  /** Lets callers keep no connection, and resolves when every open request has been reported. */
  drained(): Promise<void>
  /** Ends all connections: tunnels, handshakes and those over IPv6 too, which `server` forgets. */
  cut(): void
}

function createProxyServer(deps: ProxyDeps, pair: CertificatePair): ProxyFront {
  const app = createApp(deps)
  const open = new OpenRequests(deps)
  /** Connections of which the answer that is under way is the last. */
  const ends = new WeakSet<Socket>()
  const heads = new HeadBudget(longHeadBytesThatFit(deps.memoryLimitBytes))
  let closing = false

  function serve(incoming: IncomingMessage, outgoing: ServerResponse): void {
    if (ends.has(incoming.socket)) return
    if (incoming.headers.upgrade !== undefined) {
      // Node's parser drops what comes in one packet after a request that asks for an upgrade and gets
      // none: what it reads next may begin anywhere.
      ends.add(incoming.socket)
      outgoing.shouldKeepAlive = false
    }
    if (open.isFull() || !heads.take(incoming, (release) => outgoing.once('close', release))) {
      countFault(deps.metrics, 'overloaded')
      answerRequest(incoming, outgoing, faultAnswer(tooMany(deps)))
      return
    }
    open.add(incoming.socket, outgoing)
    if (closing) outgoing.shouldKeepAlive = false
    handleRequest(app, incoming, outgoing).catch((error: unknown) => {
      deps.logger.error({ error: Fault.from(error) }, 'Cannot serve the request')
      outgoing.destroy()
    })
  }

  function upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (open.isFull() || !heads.take(incoming, (release) => socket.once('close', release))) {
      countFault(deps.metrics, 'overloaded')
      answerUpgrade(socket, faultAnswer(tooMany(deps)))
      return
    }
    open.add(incoming.socket, socket)
    void handleUpgrade(deps, incoming, socket, head)
  }

  const server = createServer(serverOptions(pair), serve)
  // Their bytes are bounded; over a number of them Node would drop the rest in silence.
  server.maxHeadersCount = 0
  // The body is asked for after the decision; another expectation than 100-continue is refused there.
  server.on('checkContinue', serve)
  server.on('checkExpectation', serve)
  server.on('upgrade', upgrade)
  server.on('connect', upgrade)
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    answerClientError(deps.metrics, HEAD_BYTES_MAX, error, socket)
  })
  // All callers have the same address; what none of them uses makes room for one that asks.
  const total = deps.openRequestsMax + IDLE_CONNECTIONS_MAX
  boundConnections(server, { total, perAddress: total, isBusy: (socket) => open.isBusy(socket) })
  return {
    server,
    drained: () => {
      closing = true
      return open.drained()
    },
    cut: trackConnections(server),
  }
}

function serverOptions(pair: CertificatePair) {
  return {
    ...toContext(pair),
    ALPNProtocols: ['http/1.1'],
    maxHeaderSize: HEAD_BYTES_MAX,
    insecureHTTPParser: false,
    // A missing Host is harmless here, and Node's own answer would not be a Status.
    requireHostHeader: false,
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    handshakeTimeout: HANDSHAKE_MS,
    noDelay: true,
    shouldUpgradeCallback: isUpgrade,
  }
}

function tooMany({ openRequestsMax, memoryLimitBytes }: ProxyDeps): Fault {
  const limit =
    memoryLimitBytes === 0 ? '' : ` with ${Math.floor(memoryLimitBytes / 2 ** 20)}Mi of memory`
  return new Fault(
    'overloaded',
    `Too many requests of this pod are open: its sidecar takes ${openRequestsMax} at the same time${limit}, and fewer while memory is short; end some, try again, or ask for more with the annotation ${MEMORY_LIMIT_ANNOTATION}`,
  )
}

function listen(server: Listener, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.removeListener('error', reject)
      resolve((server.address() as AddressInfo).port)
    })
  })
}

interface ListeningPlace {
  readonly host: string
  readonly port: number
  /** What is said when the sidecar cannot listen there, and how loud. */
  readonly failure: { readonly level: 'info' | 'warn'; readonly text: string }
}

function placesBeside(
  { ipv6, serviceNameAddress }: Places,
  port: number,
): readonly ListeningPlace[] {
  const [host = '', byNamePort = ''] = serviceNameAddress.split(':')
  // Many clusters have no IPv6.
  const loopback = { level: 'info', text: 'No IPv6 loopback' } as const
  const byName = {
    level: 'warn',
    text: "Cannot listen for the API server's name; programs that call it by name get no connection",
  } as const
  return [
    ...(ipv6 ? [{ host: LOOPBACK_IPV6, port, failure: loopback }] : []),
    ...(host === '' ? [] : [{ host, port: Number(byNamePort), failure: byName }]),
  ]
}

/** A server listens once, so connections made elsewhere are handed to it: same limits, same certificate. */
async function listenBeside(
  server: Server,
  places: readonly ListeningPlace[],
  deps: ProxyDeps,
): Promise<readonly Listener[]> {
  const listeners: Listener[] = []
  for (const { host, port, failure } of places) {
    const listener = createListener((socket: Socket) => server.emit('connection', socket))
    try {
      await listen(listener, port, host)
      listeners.push(listener)
    } catch (error) {
      // Recorded: what is served elsewhere is served.
      deps.logger[failure.level]({ error, host, port }, failure.text)
    }
  }
  return listeners
}
