import type { ClientRequest } from 'node:http'
import { type RequestOptions, request } from 'node:https'
import { isIP } from 'node:net'
import { connect, createSecureContext, type SecureContext } from 'node:tls'
import type { Logger } from '../../platform/logger.ts'
import { watchFile } from '../../platform/watched-file.ts'
import { HEAD_BYTES_MAX } from './answer-reader.ts'
import { SharedConnections } from './shared-connections.ts'
import type { OpeningSocket } from './upstream-connection.ts'
import type { AnswerHandler, UpstreamExchange, UpstreamRequest } from './upstream-exchange.ts'
import { UpstreamPool } from './upstream-pool.ts'

/** Connections to the API server: one pinned origin. */
export interface Upstream {
  /**
   * Sends one request over a kept connection, or over one that others share. Never follows a redirect, and never
   * sends a request again that the API server may have looked at.
   */
  dispatch(request: UpstreamRequest, handler: AnswerHandler): UpstreamExchange
  /** A request on a connection of its own, for tunnels. */
  openTunnel(options: TunnelOptions): ClientRequest
  /** Why the API server's authority cannot be read; undefined when it can. */
  problem(): string | undefined
  close(): Promise<void>
}

export interface TunnelOptions {
  readonly method: string
  readonly path: string
  /** Names and values in turn; Host is added. */
  readonly headers: readonly string[]
}

/** Options of tls.connect that reach it through a request. */
interface TunnelSocketOptions {
  readonly allowHalfOpen: boolean
  readonly secureContext: SecureContext
  readonly ALPNProtocols: string[]
}

/** Below the 90 s after which kube-apiserver closes an idle connection, so that it never does first. */
const KEEP_ALIVE_MS = 60_000
const CONNECT_TIMEOUT_MS = 10_000
/** A peer that is gone without a word is noticed about ten seconds after this. */
const TCP_KEEP_ALIVE_MS = 30_000
/** As client-go does. Source: apimachinery/pkg/util/net/http.go (v1.34), `readIdleTimeoutSeconds`. */
const PING_MS = 30_000

export interface UpstreamOptions {
  readonly origin: URL
  /** Certificates of the API server's authority; empty means those of `caFile`. */
  readonly caPem: string
  readonly caFile: string
  /** Whether requests that may share connections do, where the API server offers HTTP/2. */
  readonly shares: boolean
  readonly fileCheckMs: number
  readonly logger: Logger
}

/** Throws when the CA file cannot be read; the file is read again when it changes. */
export function createUpstream(options: UpstreamOptions): Upstream {
  const { origin, logger, fileCheckMs: everyMs } = options
  const ca =
    options.caPem === ''
      ? watchFile({ path: options.caFile, everyMs, logger, onChange: renewPools })
      : undefined
  // One for all connections: OpenSSL would read the certificates for each, and keep them in memory.
  const trust = () => createSecureContext({ ca: ca?.text() ?? options.caPem })
  let secureContext = trust()
  const hostname = origin.hostname.replace(/^\[|\]$/g, '')
  const port = Number(origin.port || 443)
  let pools = openPools()

  function openPools(): Pools {
    const times = { connectTimeoutMs: CONNECT_TIMEOUT_MS, idleMsMax: KEEP_ALIVE_MS }
    const opener = (protocols: readonly string[]) =>
      createOpener({ host: hostname, port, secureContext, protocols })
    const alone = new UpstreamPool({
      host: origin.host,
      openSocket: opener(['http/1.1']),
      ...times,
    })
    const shared = new SharedConnections({
      ...{ origin, openSocket: opener(['h2', 'http/1.1']), ...times, pingMs: PING_MS },
      sendAlone: (request, handler) => pools.alone.dispatch(request, handler),
    })
    return { alone, shared }
  }

  function renewPools(): void {
    const old = pools
    secureContext = trust()
    pools = openPools()
    // Running requests end on the connections that they have.
    old.alone.retire()
    old.shared.retire()
  }

  return {
    dispatch: (request, handler) => {
      const mayShare = options.shares && request.mayShare === true
      return (mayShare ? pools.shared : pools.alone).dispatch(request, handler)
    },
    openTunnel: ({ method, path, headers }) => {
      const options: RequestOptions & TunnelSocketOptions = {
        method,
        path,
        headers: ['host', origin.host, ...headers],
        agent: false,
        host: hostname,
        port,
        secureContext,
        ALPNProtocols: ['http/1.1'],
        allowHalfOpen: true,
        maxHeaderSize: HEAD_BYTES_MAX,
      }
      return request(options)
    },
    problem: () => ca?.problem(),
    close: async () => {
      ca?.close()
      pools.alone.destroy()
      pools.shared.destroy()
    },
  }
}

/** Connections under one trust. */
interface Pools {
  readonly alone: UpstreamPool
  readonly shared: SharedConnections
}

interface OpenerOptions {
  readonly host: string
  readonly port: number
  readonly secureContext: SecureContext
  /** What is offered, the best first. */
  readonly protocols: readonly string[]
}

/**
 * Makes connections to one place under one trust. A later one resumes the TLS session of one before it,
 * whose certificate was verified.
 */
function createOpener({ host, port, secureContext, protocols }: OpenerOptions) {
  let session: Buffer | undefined
  return (): OpeningSocket => {
    const socket = connect({
      ...{ host, port, secureContext },
      servername: isIP(host) === 0 ? host : '',
      ALPNProtocols: [...protocols],
      ...(session === undefined ? {} : { session }),
    })
    socket.on('session', (next: Buffer) => {
      if (socket.authorized) session = next
    })
    socket.once('secureConnect', () => {
      socket.setNoDelay(true)
      socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS)
    })
    return { socket, ready: 'secureConnect' }
  }
}
