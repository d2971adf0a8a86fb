import type { CertificateAuthority, ServerCertificate } from '../platform/certificate-authority.ts'
import { type HealthCheck, startHealthServer } from '../platform/health-server.ts'
import type { Closer } from '../platform/lifecycle.ts'
import type { Logger } from '../platform/logger.ts'
import { createMetrics } from '../platform/metrics.ts'
import { VERSION } from '../platform/version.ts'
import { type Authorizer, createAuthorizer } from './authorizer/authorizer.ts'
import { createCallers } from './callers.ts'
import { type SidecarConfig, upstreamOrigin } from './config.ts'
import { writeContainerFolders } from './pod/container-folders.ts'
import { openPodState } from './pod/pod-state.ts'
import { watchFile } from './pod/watched-file.ts'
import { type ProxyServer, startServer } from './server.ts'
import { createSidecarMetrics } from './sidecar-metrics.ts'
import { createUpstream, type Upstream } from './upstream/upstream.ts'

/** Names by which clients in the pod reach the API server. */
const DNS_NAMES = [
  'localhost',
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
]
const IP_ADDRESSES = ['127.0.0.1', '::1']

const CERTIFICATE_VALID_MS = 365 * 24 * 3_600_000
/** A pod may live longer than its certificate; half-time leaves months to notice a fault. */
const CERTIFICATE_RENEW_MS = CERTIFICATE_VALID_MS / 2
const CERTIFICATE_CHECK_MS = 24 * 3_600_000

export interface RunningSidecar {
  readonly port: number
  readonly healthPort: number
  /** In the order in which they must be closed. */
  readonly closers: readonly Closer[]
}

/** Starts all of the sidecar. It serves before it is enrolled: until then it refuses. */
export async function startSidecar(
  config: SidecarConfig,
  env: Readonly<Record<string, string | undefined>>,
  logger: Logger,
): Promise<RunningSidecar> {
  const metrics = createMetrics('sidecar', VERSION)
  const sidecarMetrics = createSidecarMetrics(metrics)
  const controlPlaneToken = watchFile({
    path: config.controlPlaneTokenFile,
    everyMs: config.fileCheckMs,
    logger,
  })
  const authorizer = createAuthorizer({
    ...config,
    address: config.controlPlaneAddress,
    caPem: config.controlPlaneCa,
    readToken: controlPlaneToken.text,
    logger,
    metrics: sidecarMetrics,
  })
  const upstream = createUpstream({
    origin: upstreamOrigin(config, env),
    tokenFile: config.apiTokenFile,
    caFile: config.apiCaFile,
    fileCheckMs: config.fileCheckMs,
    logger,
  })
  const { authority, tokens } = await openPodState(config.stateDirectory, config.containers, logger)
  const certificate = await issue(authority)
  const server = await startServer(
    {
      ...config,
      callers: createCallers(tokens),
      authorizer,
      upstream,
      logger,
      metrics: sidecarMetrics,
    },
    { ...certificate, port: config.listenPortNumber, ipv6: config.listenIpv6 },
  )
  const files = { caPem: authority.certificatePem, namespace: config.podNamespace }
  await writeContainerFolders(config.stateDirectory, files, tokens)
  const renewal = renewCertificate(authority, certificate, server, logger)
  const health = await startHealthServer({
    port: config.healthPortNumber,
    host: config.healthHost,
    metrics,
    checks: healthChecks(server, authorizer, upstream),
  })
  const address = health.address()
  const healthPort = typeof address === 'object' && address !== null ? address.port : 0
  logger.info({ port: server.port, healthPort, containers: config.containers }, 'Serving')
  const closers: readonly Closer[] = [
    { name: 'proxy', close: () => server.close(config.drainMs) },
    { name: 'control plane', close: authorizer.close },
    { name: 'API server', close: upstream.close },
    {
      name: 'health',
      close: async () => {
        controlPlaneToken.close()
        clearInterval(renewal)
        health.close()
        health.closeAllConnections()
      },
    },
  ]
  return { port: server.port, healthPort, closers }
}

function issue(authority: CertificateAuthority): Promise<ServerCertificate> {
  return authority.issueServerCertificate({
    dnsNames: DNS_NAMES,
    ipAddresses: IP_ADDRESSES,
    validForMs: CERTIFICATE_VALID_MS,
  })
}

function renewCertificate(
  authority: CertificateAuthority,
  first: ServerCertificate,
  server: ProxyServer,
  logger: Logger,
): NodeJS.Timeout {
  let current = first
  async function renew(): Promise<void> {
    if (current.notAfterMs - Date.now() > CERTIFICATE_RENEW_MS) return
    current = await issue(authority)
    server.setCertificate(current)
    logger.info({ notAfter: new Date(current.notAfterMs).toISOString() }, 'Certificate renewed')
  }
  const timer = setInterval(() => {
    renew().catch((error: unknown) => logger.error({ error }, 'Cannot renew the certificate'))
  }, CERTIFICATE_CHECK_MS)
  return timer.unref()
}

/** Started and alive say that callers are answered; ready says that they can be allowed. */
function healthChecks(
  server: ProxyServer,
  authorizer: Authorizer,
  upstream: Upstream,
): Readonly<Record<string, readonly HealthCheck[]>> {
  const listening: HealthCheck = {
    name: 'listening',
    check: () => (server.listening() ? undefined : 'the proxy does not listen'),
  }
  const controlPlane: HealthCheck = { name: 'control-plane', check: authorizer.problem }
  const credential: HealthCheck = { name: 'credential', check: upstream.problem }
  return {
    '/livez': [listening],
    '/startupz': [listening],
    '/readyz': [listening, controlPlane, credential],
  }
}
