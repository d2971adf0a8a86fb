import { createServer, type Server } from 'node:https'
import { getRequestListener } from '@hono/node-server'
import type { CertificatePair } from '../../platform/certificate-authority.ts'
import { gateByCertificate, STRANGERS_TO_FRONT_PROXY } from '../../platform/connection-gate.ts'
import { trackConnections } from '../../platform/connections.ts'
import { frontProxyCheck, frontProxyContext } from '../../platform/front-proxy-context.ts'
import type { HealthCheck } from '../../platform/health-server.ts'
import type { Logger } from '../../platform/logger.ts'
import type { RequestHeaderSource } from '../../platform/request-header-config.ts'
import type { Approvals } from '../approvals/approvals.ts'
import type { ChainStory } from '../chains/chain-story.ts'
import type { NotificationLog } from '../notifications/notification-log.ts'
import type { LiveRecordings } from '../services/live-recordings.ts'
import type { RecordingRoom } from '../services/recording-room.ts'
import type { AuditEventReader } from '../store/audit-event-store.ts'
import type { RecordingStore } from '../store/recording-store.ts'
import { createAccessApiApp, type DelegatedAuthorizer } from './access-api-app.ts'
import { createAccessGrantResource } from './access-grant-resource.ts'
import { AccessRequestActions } from './access-request-actions.ts'
import { createAccessRequestResource } from './access-request-resource.ts'
import { createAuditEventResource } from './audit-event-resource.ts'
import type { AuditStoreResource } from './audit-store.ts'
import { createChainResource, type PodBindingReader } from './chain-resource.ts'
import { createNotificationResource } from './notification-resource.ts'
import { SessionActions } from './session-actions.ts'
import { createSessionResource } from './session-resource.ts'
import { WATCH_TIMES, type WatchTimes } from './watch-stream.ts'

/** Watches that are open at the same time. Each holds one batch of objects and one connection. */
const WATCHES_MAX = 200

/** Longer than kube-apiserver keeps an idle connection (90 s), so that it is the one to close. */
const KEEP_ALIVE_MS = 120_000
const HANDSHAKE_MS = 10_000
/** How often a server that stops looks for connections on which nothing is under way any more. */
const SWEEP_MS = 20
/** What is under way for longer when the server stops is cut: a watch that nobody reads, mostly. */
const DRAIN_MS = 2_000
/** Request headers are small; the groups of a user can make them long. */
const HEADER_BYTES_MAX = 128 * 1_024

export interface AccessApiDeps {
  readonly auditEvents: AuditEventReader
  readonly podBindings: PodBindingReader
  readonly chainStory: ChainStory
  readonly auditStore: AuditStoreResource
  readonly recordings: RecordingStore
  readonly approvals: Approvals
  readonly notifications: NotificationLog
  /** Sessions that can be cut. */
  readonly live: Pick<LiveRecordings, 'cut'>
  /** Room for sessions that are imported. */
  readonly room: Pick<RecordingRoom, 'checkImport' | 'checkGoOn'>
  /** For the DNS name of the Service that the APIService names; replaced by `setCertificate`. */
  readonly certificate: CertificatePair
  readonly requestHeader: RequestHeaderSource
  readonly authorize: DelegatedAuthorizer
  readonly logger: Logger
  /** Unix milliseconds. */
  readonly clock: { now(): number }
  readonly version: string
  /** What /readyz looks at besides the front-proxy configuration. */
  readonly readiness?: readonly HealthCheck[]
  readonly watchesMax?: number
  readonly watchTimes?: WatchTimes
  /** Told of each answer once it has ended. */
  readonly onAnswer?: (httpStatus: number) => void
}

export interface AccessApiServer {
  /** Resolves with the port once it listens; port 0 lets the system choose. */
  listen(port: number, host: string): Promise<number>
  /** New connections get the new certificate. */
  setCertificate(certificate: CertificatePair): void
  /** Ends the watches, answers what is under way, closes the connections; within two seconds. */
  close(): Promise<void>
}

/**
 * The aggregated API server of group access.lanyard.dev. It listens with TLS, asks every client for
 * a certificate, and believes only the front proxy of the cluster.
 */
export function createAccessApiServer(deps: AccessApiDeps): AccessApiServer {
  const stopping = new AbortController()
  let { certificate } = deps
  const app = createAccessApiApp({
    ...deps,
    resources: [
      createChainResource(deps.podBindings, deps.chainStory),
      createAuditEventResource(deps.auditEvents),
      createSessionResource(deps),
      createAccessRequestResource(deps.approvals.store),
      createAccessGrantResource(deps.approvals.store),
      createNotificationResource(deps.notifications),
    ],
    sessionActions: new SessionActions({ ...deps, stopping: stopping.signal }),
    accessRequestActions: new AccessRequestActions(deps),
    readiness: [frontProxyCheck(deps.requestHeader), ...(deps.readiness ?? [])],
    watchesMax: deps.watchesMax ?? WATCHES_MAX,
    watchTimes: deps.watchTimes ?? WATCH_TIMES,
    stopping: stopping.signal,
  })
  const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false })
  const server = createServer(
    {
      ...frontProxyContext(certificate, deps.requestHeader),
      // The handshake takes any certificate, so that kubelet can probe and a stranger gets a Status.
      requestCert: true,
      rejectUnauthorized: false,
      handshakeTimeout: HANDSHAKE_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: HEADER_BYTES_MAX,
    },
    (incoming, outgoing) => {
      outgoing.once('close', () => deps.onAnswer?.(outgoing.statusCode))
      void listener(incoming, outgoing)
    },
  )
  gateByCertificate(server, STRANGERS_TO_FRONT_PROXY)

  const cutAll = trackConnections(server)

  function renewContext(): void {
    server.setSecureContext(frontProxyContext(certificate, deps.requestHeader))
  }

  const stopFollowing = deps.requestHeader.onChange(() => {
    renewContext()
    // A connection that another authority vouched for is not kept; watches begin again.
    server.closeAllConnections()
  })

  return {
    listen: (port, host) => listen(server, port, host),
    setCertificate(next) {
      certificate = next
      renewContext()
    },
    async close() {
      stopFollowing()
      stopping.abort()
      await closeServer(server, cutAll)
    },
  }
}

async function listen(server: Server, port: number, host: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : port
}

/**
 * kube-apiserver keeps connections for what comes next, and one that carried a watch becomes idle
 * only once the watch has said its last: so idle ones are looked for until there are none.
 */
async function closeServer(server: Server, cutAll: () => void): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS)
  const cut = setTimeout(cutAll, DRAIN_MS)
  await closed
  clearInterval(sweep)
  clearTimeout(cut)
}
