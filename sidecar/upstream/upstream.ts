import type { ClientRequest } from 'node:http'
import { type RequestOptions, request } from 'node:https'
import { createSecureContext, type SecureContext } from 'node:tls'
import type { Dispatcher, Pool as PoolType } from 'undici'
import Pool from 'undici/lib/dispatcher/pool.js'
import type { Logger } from '../../platform/logger.ts'
import { watchFile } from '../pod/watched-file.ts'

/** The API server: one pinned origin, and the pod's real credential. */
export interface Upstream {
  /** The real token, as the file has it now. */
  token(): string
  /** The API server refused the token: the file may have a newer one. */
  checkToken(): void
  /** Sends one request over a kept connection. Never follows a redirect and never retries. */
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void
  /** A request on a connection of its own, for tunnels. */
  openTunnel(options: TunnelOptions): ClientRequest
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
/** What is proxied may set many cookies; kube-apiserver's own heads take less than one kilobyte. */
const HEAD_BYTES_MAX = 1024 * 1024
/** A peer that is gone without a word is noticed about ten seconds after this. */
const TCP_KEEP_ALIVE_MS = 30_000

export interface UpstreamOptions {
  readonly origin: URL
  readonly tokenFile: string
  /** Certificates of the API server's authority; empty means those of `caFile`. */
  readonly caPem: string
  readonly caFile: string
  readonly fileCheckMs: number
  readonly logger: Logger
}

/** Throws when the token or the CA file cannot be read; a file is read again when it changes. */
export function createUpstream(options: UpstreamOptions): Upstream {
  const { origin, logger, fileCheckMs: everyMs } = options
  const token = watchFile({ path: options.tokenFile, everyMs, logger })
  const ca =
    options.caPem === ''
      ? watchFile({ path: options.caFile, everyMs, logger, onChange: renewPool })
      : undefined
  // One for all connections: OpenSSL would read the certificates for each, and keep them in memory.
  const trust = () => createSecureContext({ ca: ca?.text() ?? options.caPem })
  let secureContext = trust()
  let pool = openPool()
  const hostname = origin.hostname.replace(/^\[|\]$/g, '')

  function openPool(): PoolType {
    return new Pool(origin, {
      allowH2: false,
      pipelining: 1,
      bodyTimeout: 0,
      maxHeaderSize: HEAD_BYTES_MAX,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      connect: {
        secureContext,
        timeout: CONNECT_TIMEOUT_MS,
        keepAlive: true,
        keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
      },
    })
  }

  function renewPool(): void {
    const old = pool
    secureContext = trust()
    pool = openPool()
    // Running requests end on the connections that they have.
    void old.close()
  }

  return {
    token: () => token.text(),
    checkToken: () => void token.check(),
    dispatch: (request, handler) => void pool.dispatch(request, handler),
    openTunnel: ({ method, path, headers }) => {
      const options: RequestOptions & TunnelSocketOptions = {
        method,
        path,
        headers: ['host', origin.host, ...headers],
        agent: false,
        host: hostname,
        port: Number(origin.port || 443),
        secureContext,
        ALPNProtocols: ['http/1.1'],
        allowHalfOpen: true,
        maxHeaderSize: HEAD_BYTES_MAX,
      }
      return request(options)
    },
    problem: () => {
      const problem = token.problem() ?? ca?.problem()
      return problem === undefined ? undefined : `credential of the pod: ${problem}`
    },
    close: async () => {
      token.close()
      ca?.close()
      await pool.destroy()
    },
  }
}
