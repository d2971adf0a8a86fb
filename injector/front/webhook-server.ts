import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import { serve } from '@hono/node-server'
import type { Hono } from 'hono'
import type { CertificatePair } from '../../platform/certificate-authority.ts'
import { gateByCertificate, STRANGERS_TO_FRONT_PROXY } from '../../platform/connection-gate.ts'
import { trackConnections } from '../../platform/connections.ts'
import { frontProxyContext } from '../../platform/front-proxy-context.ts'
import type { Logger } from '../../platform/logger.ts'
import type { RequestHeaderSource } from '../../platform/request-header-config.ts'
import { keepRenewing } from '../../platform/serving-certificate.ts'

export interface WebhookServer {
  readonly port: number
  /** Takes no more connections and ends all of them once what was asked is answered. */
  close(): Promise<void>
}

export interface WebhookServerOptions {
  // biome-ignore lint/suspicious/noExplicitAny: whatever the app keeps for itself.
  readonly app: Hono<any>
  readonly port: number
  /** What is served with at first. */
  readonly certificate: CertificatePair
  /** Gets the next one; while it cannot, the one before serves on. */
  readonly renew: () => Promise<CertificatePair>
  /** Whose client certificates are verified; the app decides what they are good for. */
  readonly requestHeader: RequestHeaderSource
  readonly logger: Logger
}

/** Serves the webhooks over HTTPS with a certificate that renews itself. */
export async function startWebhookServer(options: WebhookServerOptions): Promise<WebhookServer> {
  let { certificate } = options
  const context = () => frontProxyContext(certificate, options.requestHeader)
  const server = await listen(options, context())
  // In the same turn in which it listens, so before the first connection.
  gateByCertificate(server, STRANGERS_TO_FRONT_PROXY)
  // In memory, and without a dropped connection.
  async function renew(): Promise<void> {
    certificate = await options.renew()
    server.setSecureContext(context())
  }
  const stopRenewing = keepRenewing(renew, options.logger)
  const endConnections = trackAnswers(server)
  const stopFollowing = options.requestHeader.onChange(() => {
    server.setSecureContext(context())
    // A connection that another authority vouched for is not kept.
    server.closeAllConnections()
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    async close() {
      stopRenewing()
      stopFollowing()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      await endConnections()
      await closed
    },
  }
}

/**
 * Node's own close waits for clients to hang up, which kube-apiserver does not: it keeps its
 * connections. Returns what waits until nothing is being answered, then ends every connection.
 */
function trackAnswers(server: Server): () => Promise<void> {
  // Of TCP, so those in the middle of a handshake as well.
  const cut = trackConnections(server)
  const answers = new Set<Promise<unknown>>()
  server.on('request', (_incoming, outgoing) => {
    const closed = once(outgoing, 'close')
    answers.add(closed)
    void closed.finally(() => answers.delete(closed))
  })
  return async () => {
    while (answers.size > 0) await Promise.race(answers)
    cut()
  }
}

function listen(
  options: WebhookServerOptions,
  context: ReturnType<typeof frontProxyContext>,
): Promise<Server> {
  return new Promise((resolve) => {
    const server = serve(
      {
        fetch: options.app.fetch,
        port: options.port,
        createServer,
        serverOptions: {
          ...context,
          // The handshake takes any certificate, so that a stranger gets a Status.
          requestCert: true,
          rejectUnauthorized: false,
          handshakeTimeout: 10_000,
          keepAliveTimeout: 120_000,
        },
      },
      () => resolve(server as Server),
    )
  })
}
