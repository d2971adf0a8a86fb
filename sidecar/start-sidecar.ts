import { apiServerOrigin } from '../platform/api-server-origin.ts'
import type { CertificatePair } from '../platform/certificate-authority.ts'
import { SYSTEM_CLOCK } from '../platform/clock.ts'
import { createCollector } from '../platform/collect-garbage.ts'
import { type HealthCheck, startHealthServer } from '../platform/health-server.ts'
import type { Closer } from '../platform/lifecycle.ts'
import type { Logger } from '../platform/logger.ts'
import { createMetrics } from '../platform/metrics.ts'
import { keepRenewing } from '../platform/serving-certificate.ts'
import { VERSION } from '../platform/version.ts'
import { watchFile } from '../platform/watched-file.ts'
import { requestsThatFit } from '../proxy/front/memory-budget.ts'
import { LimitGuard } from '../proxy/front/memory-guard.ts'
import {
  createSocketReader,
  memoryLimitBytes,
  privateBytes,
} from '../proxy/front/memory-readings.ts'
import { type ProxyServer, startServer } from '../proxy/front/server.ts'
import { createUpstream } from '../proxy/upstream/upstream.ts'
import { ControlPlaneAuthorizer } from './authorizer/authorizer.ts'
import { createCallers } from './callers.ts'
import type { SidecarConfig } from './config.ts'
import { writeContainerFolders } from './pod/container-folders.ts'
import { issueServerCertificate } from './pod/pod-authority.ts'
import { openPodCredentials } from './pod/pod-credentials.ts'
import { openPodState } from './pod/pod-state.ts'
import { createSidecarMetrics, type SidecarMetrics } from './sidecar-metrics.ts'

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
/** A pod may live longer than its certificate. Node's timers take at most 24 days. */
const CERTIFICATE_RENEW_MS = 20 * 24 * 3_600_000

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
  const { authorizer, controlPlaneToken } = connectControlPlane(config, sidecarMetrics, logger)
  const credentials = openPodCredentials({ ...config, tokenFile: config.apiTokenFile, logger })
  const upstream = createUpstream({
    origin: apiServerOrigin(config.upstreamUrl, 'upstreamUrl', env),
    caPem: config.apiCa,
    caFile: config.apiCaFile,
    shares: config.shareWatches,
    fileCheckMs: config.fileCheckMs,
    logger,
  })
  const { authority, tokens } = await openPodState(config.stateDirectory, config.containers, logger)
  const server = await startServer(
    {
      ...config,
      callers: createCallers(tokens),
      authorizer,
      openRecording: (permit) => authorizer.openRecording(permit),
      credentials,
      upstream,
      ...memoryBounds(config),
      logger,
      metrics: sidecarMetrics,
    },
    { ...config, ...issue(authority), port: config.listenPortNumber, ipv6: config.listenIpv6 },
  )
  const files = { caPem: authority.certificatePem, namespace: config.podNamespace }
  await writeContainerFolders(config.stateDirectory, files, tokens)
  const stopRenewing = renewCertificate(authority, server, logger)
  const health = await startHealthServer({
    port: config.healthPortNumber,
    host: config.healthHost,
    metrics,
    checks: healthChecks(server, authorizer, () => {
      const problem = credentials.problem() ?? upstream.problem()
      return problem === undefined ? undefined : `credential of the pod: ${problem}`
    }),
  })
  const address = health.address()
  const healthPort = typeof address === 'object' && address !== null ? address.port : 0
  logger.info({ port: server.port, healthPort, containers: config.containers }, 'Serving')
  const closers: readonly Closer[] = [
    {
      name: 'proxy',
      close: () => server.close(config.drainMs, () => authorizer.drainRecordings()),
    },
    { name: 'control plane', close: () => authorizer.close() },
    { name: 'API server', close: upstream.close },
    {
      name: 'health',
      close: async () => {
        controlPlaneToken.close()
        credentials.close()
        stopRenewing()
        health.close()
        health.closeAllConnections()
      },
    },
  ]
  return { port: server.port, healthPort, closers }
}

/** Asks the control plane with the pod-bound token, whose file kubelet renews. */
function connectControlPlane(config: SidecarConfig, metrics: SidecarMetrics, logger: Logger) {
  const controlPlaneToken = watchFile({
    path: config.controlPlaneTokenFile,
    everyMs: config.fileCheckMs,
    logger,
  })
  const authorizer = new ControlPlaneAuthorizer({
    ...config,
    address: config.controlPlaneAddress,
    serverName: config.controlPlaneName,
    caPem: config.controlPlaneCa,
    readToken: controlPlaneToken.text,
    clock: SYSTEM_CLOCK,
    logger,
    metrics,
  })
  return { authorizer, controlPlaneToken }
}

/** What follows from the memory that the sidecar may have. */
function memoryBounds(config: SidecarConfig) {
  const limitBytes = config.memoryLimitBytes || memoryLimitBytes()
  const socketBytes = createSocketReader()
  return {
    memoryLimitBytes: limitBytes,
    openRequestsMax: Math.min(config.openRequestsMax, requestsThatFit(limitBytes)),
    memory: new LimitGuard({
      limitBytes,
      readBytes: () => privateBytes() + (socketBytes?.() ?? 0),
      socketsCount: socketBytes !== undefined,
      collect: createCollector(),
      nowMs: () => performance.now(),
    }),
  }
}

function issue(authority: CertificatePair): CertificatePair {
  const names = { dnsNames: DNS_NAMES, ipAddresses: IP_ADDRESSES }
  return issueServerCertificate(authority, names, CERTIFICATE_VALID_MS)
}

/** New connections get the new certificate; its authority, which containers trust, stays. */
function renewCertificate(
  authority: CertificatePair,
  server: ProxyServer,
  logger: Logger,
): () => void {
  async function renew(): Promise<void> {
    server.setCertificate(issue(authority))
    logger.info('Certificate renewed')
  }
  return keepRenewing(renew, logger, CERTIFICATE_RENEW_MS)
}

/** Started and alive say that callers are answered; ready says that they can be allowed. */
function healthChecks(
  server: ProxyServer,
  authorizer: ControlPlaneAuthorizer,
  problemOfCredential: () => string | undefined,
): Readonly<Record<string, readonly HealthCheck[]>> {
  const listening: HealthCheck = {
    name: 'listening',
    check: () => (server.listening() ? undefined : 'the proxy does not listen'),
  }
  const controlPlane: HealthCheck = { name: 'control-plane', check: () => authorizer.problem() }
  const credential: HealthCheck = { name: 'credential', check: problemOfCredential }
  return {
    '/livez': [listening],
    '/startupz': [listening],
    '/readyz': [listening, controlPlane, credential],
  }
}
