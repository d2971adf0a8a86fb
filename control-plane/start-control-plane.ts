import { setTimeout as sleep } from 'node:timers/promises'
import { AuthenticationV1Api, CoreV1Api, KubeConfig } from '@kubernetes/client-node'
import { Fault } from '../core/fault.ts'
import { type HealthCheck, startHealthServer } from '../platform/health-server.ts'
import type { Closer } from '../platform/lifecycle.ts'
import type { Logger } from '../platform/logger.ts'
import { createMetrics } from '../platform/metrics.ts'
import { createRequestHeaderSource } from '../platform/request-header-config.ts'
import { VERSION } from '../platform/version.ts'
import { createAccessApiServer } from './access-api/access-api-server.ts'
import { AuditStoreResource } from './access-api/audit-store.ts'
import { KeptRecordings } from './access-api/kept-recordings.ts'
import type { Approvals } from './approvals/approvals.ts'
import { type ChainStory, createChainStory } from './chains/chain-story.ts'
import type { ControlPlaneConfig } from './config.ts'
import { createControlPlaneMetrics, measureState } from './control-plane-metrics.ts'
import { startGrpcServer } from './grpc-server.ts'
import { type AccessReviewer, mayAccess } from './kubernetes/access-reviewer.ts'
import { keepCaBundles } from './kubernetes/ca-bundles.ts'
import { readExtensionAuthentication } from './kubernetes/extension-authentication.ts'
import { KeptConnections } from './kubernetes/kept-connections.ts'
import { ensureCertificateAuthority } from './kubernetes/own-authority.ts'
import { readOwnCluster } from './kubernetes/own-cluster.ts'
import { checkPodTokenClaims, createTokenGate } from './kubernetes/token-gate.ts'
import type { TokenReviewer } from './kubernetes/token-reviewer.ts'
import type { NotificationLog } from './notifications/notification-log.ts'
import { startNotifications } from './notifications/start-notifications.ts'
import { startRetention, toRetentionLimits } from './retention/start-retention.ts'
import { createAdmissionService } from './services/admission-service.ts'
import { createApprovalService } from './services/approval-service.ts'
import { createAuthorizationService } from './services/authorization-service.ts'
import { createEnrolmentService } from './services/enrolment-service.ts'
import type { LiveRecordings } from './services/live-recordings.ts'
import { createPeopleServices } from './services/people-services.ts'
import type { RecordingRoom } from './services/recording-room.ts'
import { startRecording, toRecordingLimits } from './services/start-recording.ts'
import { keepServingCertificate, toGrpcCredentials } from './serving-certificate.ts'
import { createSessions } from './sessions.ts'
import { openStore } from './store/open-store.ts'
import type { Store } from './store/store.ts'
import { readVolumeSpace } from './volume-reserve.ts'
import { type WatchedCluster, watchCluster } from './watch-cluster.ts'

const now = () => Date.now()
/** Serves on for this long after it says that it is about to end, so that nobody new is led here. */
const LEAVE_MS = 1_000
const HEALTH_INTERVAL_MS = 1_000

/** Starts every part, in the order in which they need each other; returns how to close them. */
export async function startControlPlane(
  config: ControlPlaneConfig,
  logger: Logger,
): Promise<readonly Closer[]> {
  const kube = new KubeConfig()
  kube.loadFromDefault()
  const kept = KeptConnections.fromDefault()
  const metrics = createMetrics('control-plane', VERSION)
  const ownMetrics = createControlPlaneMetrics(metrics)
  const store = await openOwnStore(kube, config, ownMetrics, logger)
  const authority = await ensureCertificateAuthority(kube)
  const watched = await watchCluster({ kube, kept, authority }, config, store, logger)
  const { facts, access, decisionWatch, decider, registry, visits, apiAudiences } = watched
  const serving = await keepServingCertificate(authority, logger)
  const bundles = keepCaBundles(kube, authority.certificatePem, logger, apiAudiences)
  const reviewToken = createTokenGate(kept.makeApiClient(AuthenticationV1Api), now)
  const sessions = createSessions(now)
  const { endsAtMs, podEnds, comparedEdits } = watched
  const chainStory = createChainStory({ endsAtMs, podEnds, workloads: store.workloads })
  const shared = { ...store, sessions, reviewToken, access, chainStory, logger, now }
  const freeBytes = () => readVolumeSpace(config.databaseFile).freeBytes
  const metered = { ...shared, metrics: ownMetrics, hasLapsed: watched.hasLapsed }
  const { live, room, service } = startRecording({ ...metered, decider, decisionWatch, config })
  measureState(metrics, { ...watched, store, freeBytes })
  const retention = startRetention({ config, store, freeBytes, metrics: ownMetrics, logger })
  const { approvals } = watched.approvals
  const notifications = notifyOf(approvals, config, ownMetrics, logger)
  const grpc = await startGrpcServer(
    `0.0.0.0:${config.grpcPortNumber}`,
    toGrpcCredentials(serving, authority.certificatePem),
    {
      enrolment: createEnrolmentService(onlyPods(shared)),
      authorization: createAuthorizationService({ ...metered, decider, decisionWatch, live }),
      admission: createAdmissionService({ ...shared, registry, authority, visits, facts }),
      ...createPeopleServices({ ...shared, approvals }),
      recording: service,
      approval: createApprovalService({ ...shared, requestApproval: watched.approvals.request }),
    },
  )
  const leaving = new AbortController()
  const checks = readinessOf(leaving.signal, store, facts)
  const api = await startAccessApi({
    ...{ kube, config, store, access, chainStory, comparedEdits, checks, serving, logger },
    ...{ live, room, approvals, notifications: notifications.log },
    onAnswer: (code) => ownMetrics.accessApiRequests.inc({ code }),
  })
  const health = await startHealthServer({
    ...{ port: config.healthPortNumber, host: '0.0.0.0', metrics },
    checks: { '/readyz': checks },
  })
  const timer = watchHealth(checks, store, (serves) => grpc.setServing(serves), logger)
  logger.info({ version: VERSION, grpcPort: grpc.port }, 'Serving')
  return [
    { name: 'service', close: () => leaveService(leaving, timer, grpc) },
    // Readers first: agents have nobody else to ask, so decisions are made as long as can be.
    ...api,
    { name: 'notifications', close: async () => notifications.stop() },
    { name: 'grpc', close: () => grpc.close() },
    { name: 'watches', close: async () => facts.stop() },
    {
      name: 'certificates',
      close: async () => [bundles, serving].forEach((part) => void part.stop()),
    },
    { name: 'health', close: async () => void health.close() },
    { name: 'retention', close: () => retention.stop() },
    { name: 'store', close: () => store.close() },
  ]
}

/** What enrols has the token of a pod, and no other. */
function onlyPods<Shared extends { readonly reviewToken: TokenReviewer }>(shared: Shared): Shared {
  return { ...shared, reviewToken: checkPodTokenClaims(shared.reviewToken, now) }
}

function notifyOf(
  { store }: Approvals,
  { webhooksFolder: folder }: ControlPlaneConfig,
  { notifications: counter }: ReturnType<typeof createControlPlaneMetrics>,
  logger: Logger,
): ReturnType<typeof startNotifications> {
  return startNotifications({ store, folder, counter, logger })
}

const ENDING = 'the process is about to end'

/** What has to be well before anybody is led here. */
function readinessOf(
  leaving: AbortSignal,
  store: Pick<Store, 'problem'>,
  facts: Pick<WatchedCluster['facts'], 'problem'>,
): readonly HealthCheck[] {
  return [
    { name: 'draining', check: () => (leaving.aborted ? ENDING : undefined) },
    { name: 'store', check: store.problem },
    { name: 'cluster', check: facts.problem },
  ]
}

/** Tells who looks that the process is about to end, and serves on until they have heard. */
async function leaveService(
  leaving: AbortController,
  timer: NodeJS.Timeout,
  grpc: { setServing(serving: boolean): void },
): Promise<void> {
  leaving.abort()
  clearInterval(timer)
  grpc.setServing(false)
  await sleep(LEAVE_MS)
}

/** The database, whose chains are of this cluster. */
async function openOwnStore(
  kube: KubeConfig,
  config: ControlPlaneConfig,
  metrics: ReturnType<typeof createControlPlaneMetrics>,
  logger: Logger,
): Promise<Store> {
  const cluster = await readOwnCluster(kube.makeApiClient(CoreV1Api), config.clusterName)
  return openStore(config.databaseFile, {
    cluster,
    onMigration: (done, of) => logger.info({ done, of }, 'Migrating the database'),
    onSetAside: (files, bytes) =>
      logger.warn(
        { files, bytes },
        'Set files of recordings aside in the folder unlisted, since the database does not list them',
      ),
    onTransaction(result, seconds) {
      metrics.transactions.inc({ result })
      metrics.transactionDuration.observe(seconds)
    },
  })
}

/** The aggregated API, with the cluster's own word on who speaks for whom. */
async function startAccessApi(parts: {
  readonly kube: KubeConfig
  readonly config: ControlPlaneConfig
  readonly store: Store
  readonly live: LiveRecordings
  readonly room: RecordingRoom
  readonly approvals: Approvals
  readonly notifications: NotificationLog
  readonly access: AccessReviewer
  readonly chainStory: ChainStory
  readonly comparedEdits: WatchedCluster['comparedEdits']
  readonly checks: readonly HealthCheck[]
  readonly serving: Awaited<ReturnType<typeof keepServingCertificate>>
  readonly logger: Logger
  readonly onAnswer: (httpStatus: number) => void
}): Promise<readonly Closer[]> {
  const { kube, store, access, serving, logger } = parts
  const requestHeader = createRequestHeaderSource({
    read: readExtensionAuthentication(kube.makeApiClient(CoreV1Api)),
    logger,
  })
  await requestHeader.start()
  const auditStore = new AuditStoreResource({
    ...{ store, logger, clock: { now }, limits: toRetentionLimits(parts.config) },
    databaseFile: parts.config.databaseFile,
    comparedEdits: parts.comparedEdits,
    recordings: new KeptRecordings(store.recordings, toRecordingLimits(parts.config), now),
    readSpace: () => readVolumeSpace(parts.config.databaseFile),
  })
  await auditStore.clean()
  const server = createAccessApiServer({
    auditStore,
    auditEvents: store.auditEvents,
    recordings: store.recordings,
    live: parts.live,
    room: parts.room,
    approvals: parts.approvals,
    notifications: parts.notifications,
    podBindings: store.bindings,
    chainStory: parts.chainStory,
    certificate: serving.current(),
    requestHeader,
    authorize: (user, attributes) => mayAccess(access, user, attributes),
    logger,
    clock: { now },
    version: VERSION,
    readiness: parts.checks,
    onAnswer: parts.onAnswer,
  })
  serving.onChange((certificate) => server.setCertificate(certificate))
  await server.listen(parts.config.accessApiPortNumber, '0.0.0.0')
  return [
    { name: 'access api', close: () => server.close() },
    { name: 'front proxy configuration', close: async () => requestHeader.close() },
  ]
}

/** Tells gRPC's health service, and ends the process when the store is in doubt. */
function watchHealth(
  checks: readonly HealthCheck[],
  store: Store,
  setServing: (serving: boolean) => void,
  logger: Logger,
): NodeJS.Timeout {
  const look = (): void => {
    const doubt = store.doubt()
    if (doubt !== undefined) {
      logger.error({ doubt }, 'The store is in doubt; starting again is the only safe way')
      logger.flush(() => process.exit(1))
      throw new Fault('audit_unavailable', doubt)
    }
    // Whoever asks is turned away meanwhile, so nothing else would find out that it is over.
    if (store.problem() !== undefined) {
      store.probe().catch((error: unknown) => logger.warn({ error }, 'Still cannot record'))
    }
    setServing(checks.every(({ check }) => check() === undefined))
  }
  look()
  return setInterval(look, HEALTH_INTERVAL_MS)
}
