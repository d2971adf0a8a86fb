import { createServer, type Server } from 'node:http'
import { boundConnections } from './bound-connections.ts'
import type { Metrics } from './metrics.ts'

/** One thing that must be true; `undefined` when it is, else what is wrong. */
export interface HealthCheck {
  readonly name: string
  check(): string | undefined
}

export interface HealthServerOptions {
  /** 0 lets the system choose. */
  readonly port: number
  readonly host: string
  readonly metrics: Metrics
  /** By path, such as `/readyz`. `/livez` without an entry says that the process answers. */
  readonly checks: Readonly<Record<string, readonly HealthCheck[]>>
}

/**
 * Whoever reaches the pod reaches this port. The kubelet opens a connection for each probe, Prometheus
 * keeps one; what more there is holds at most some kilobytes, and not for long.
 */
const CONNECTIONS = { total: 64, perAddress: 8 }
const HEAD_BYTES_MAX = 8 * 1024
/** For a whole request, and for the silence of a peer that does not read. */
const PATIENCE_MS = 5_000
/** How often Node looks for requests that are late. */
const CHECK_MS = 1_000

/**
 * Serves /metrics and the health paths over plain HTTP, one line a check as kube-apiserver does
 * with `?verbose`. Nothing secret is served, so anyone in the cluster may read it.
 */
export async function startHealthServer(options: HealthServerOptions): Promise<Server> {
  const checks: HealthServerOptions['checks'] = { '/livez': [], ...options.checks }
  const limits = {
    maxHeaderSize: HEAD_BYTES_MAX,
    headersTimeout: PATIENCE_MS,
    requestTimeout: PATIENCE_MS,
    keepAliveTimeout: PATIENCE_MS,
    connectionsCheckingInterval: CHECK_MS,
  }
  const server = createServer(limits, (request, response) => {
    const [path = ''] = (request.url ?? '').split('?')
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405).end()
    } else if (path === '/metrics') {
      options.metrics.text().then(
        (text) =>
          response.writeHead(200, { 'content-type': options.metrics.contentType }).end(text),
        () => response.writeHead(500).end(),
      )
    } else if (checks[path] === undefined) {
      response.writeHead(404).end()
    } else {
      const { healthy, text } = report(checks[path])
      response.writeHead(healthy ? 200 : 503, { 'content-type': 'text/plain' }).end(text)
    }
  })
  server.timeout = PATIENCE_MS
  boundConnections(server, CONNECTIONS)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, resolve)
  })
  return server
}

function report(checks: readonly HealthCheck[]): { healthy: boolean; text: string } {
  const lines = checks.map(({ name, check }) => ({ name, problem: check() }))
  const healthy = lines.every(({ problem }) => problem === undefined)
  const text = lines.map(({ name, problem }) =>
    problem === undefined ? `[+]${name} ok` : `[-]${name} failed: ${problem}`,
  )
  return { healthy, text: [...text, healthy ? 'ok' : 'failed', ''].join('\n') }
}
