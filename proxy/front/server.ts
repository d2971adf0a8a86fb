import type { AddressInfo, Server as Listener, Socket } from 'node:net'
import { createServer as createListener } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import { boundConnections } from '../../platform/bound-connections.ts'
import type { CertificatePair } from '../../platform/certificate-authority.ts'
import { trackConnections } from '../../platform/connections.ts'
import { CallerConnection } from '../caller/caller-connection.ts'
import type { ProxyDeps } from '../deps.ts'
import { HEAD_BYTES_MAX } from './head-budget.ts'
import { IDLE_CONNECTIONS_MAX } from './memory-budget.ts'
import { RequestDesk } from './request-desk.ts'

const CALLER_LIMITS = {
  headBytesMax: HEAD_BYTES_MAX,
  // A caller on the same host sends its head in one go.
  headMs: 30_000,
  // What comes back may take for ever.
  requestMs: 300_000,
  // Longer than the 90 s for which Go's clients keep a connection, so that the client closes first.
  idleMs: 120_000,
}
/** How exact those times are. */
const CHECK_TIMES_MS = 5_000

/** A caller on the same host has its handshake done in milliseconds. */
const HANDSHAKE_MS = 10_000
/** The cheapest first: the server's order counts, and nothing leaves the host. */
const CIPHERS =
  'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:ECDHE+AESGCM'

const LOOPBACK = '127.0.0.1'
const LOOPBACK_IPV6 = '::1'

export interface ProxyServer {
  readonly port: number
  /** Serves another certificate to connections made from now on. */
  setCertificate(pair: CertificatePair): void
  listening(): boolean
  /** Takes no more connections and waits for running requests, at most `drainMs` and then for `lastWords`. */
  close(drainMs: number, lastWords?: () => Promise<void>): Promise<void>
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
    close: async (drainMs, lastWords = async () => {}) => {
      const ended = [server, ...others].map(endListener)
      const timer = setTimeout(() => void lastWords().finally(cut), drainMs)
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
  return {
    cert: certificatePem,
    key: privateKeyPem,
    minVersion: 'TLSv1.2' as const,
    ciphers: CIPHERS,
    honorCipherOrder: true,
  }
}

interface ProxyFront {
  readonly server: Server
  /** Lets callers keep no connection, and resolves when every open request has been reported. */
  drained(): Promise<void>
  /** Ends all connections: tunnels, handshakes and those over IPv6 too, which `server` forgets. */
  cut(): void
}

/** Options of every listener: a tunnel may be ended by one side first. */
const LISTENER = { allowHalfOpen: true, noDelay: true }

function createProxyServer(deps: ProxyDeps, pair: CertificatePair): ProxyFront {
  const desk = new RequestDesk(deps)
  const nowMs = () => performance.now()
  const connections = new Set<CallerConnection>()
  const server = createServer({
    ...toContext(pair),
    ...LISTENER,
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: HANDSHAKE_MS,
  })
  server.on('secureConnection', (socket: TLSSocket) => {
    const connection = new CallerConnection(socket, desk, CALLER_LIMITS, nowMs)
    connections.add(connection)
    socket.once('close', () => connections.delete(connection))
  })
  server.on('tlsClientError', (error, socket) => {
    desk.countMalformed(error)
    socket.destroy()
  })
  const times = setInterval(() => {
    for (const connection of connections) connection.checkTime(nowMs())
  }, CHECK_TIMES_MS).unref()
  server.once('close', () => clearInterval(times))
  // All callers have the same address; what none of them uses makes room for one that asks.
  const total = deps.openRequestsMax + IDLE_CONNECTIONS_MAX
  boundConnections(server, { total, perAddress: total, isBusy: (socket) => desk.isBusy(socket) })
  return { server, drained: () => desk.drained(), cut: trackConnections(server) }
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
    const listener = createListener(LISTENER, (socket: Socket) => server.emit('connection', socket))
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
