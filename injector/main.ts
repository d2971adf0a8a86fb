import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { SERVICE_NAMES } from '../core/pods/service-name.ts'
import { createNeutralKeyCheck } from '../core/templates/neutral-keys.ts'
import { readApiAudiences } from '../platform/api-audiences.ts'
import { apiServerOrigin } from '../platform/api-server-origin.ts'
import { authenticateFrontProxy } from '../platform/authenticate-front-proxy.ts'
import { loadConfig } from '../platform/config.ts'
import { frontProxyCheck } from '../platform/front-proxy-context.ts'
import { startHealthServer } from '../platform/health-server.ts'
import { type Closer, runProcess } from '../platform/lifecycle.ts'
import { createLogger, type Logger } from '../platform/logger.ts'
import { createMetrics } from '../platform/metrics.ts'
import {
  createRequestHeaderSource,
  type ReloadedRequestHeaderSource,
} from '../platform/request-header-config.ts'
import { VERSION } from '../platform/version.ts'
import { createChainClient } from './chains/chain-client.ts'
import {
  readAuthorityCertificate,
  readExtensionAuthentication,
  readObject,
} from './cluster/api-server.ts'
import { ControlPlaneAddress } from './cluster/control-plane-address.ts'
import { NamespaceLimitsReader } from './cluster/namespace-limits-reader.ts'
import { waitForAuthority, watchAuthority } from './cluster/own-authority.ts'
import { type InjectorConfig, imageMirrors, injectorConfig } from './config.ts'
import { createApp } from './front/app.ts'
import { createInjectorMetrics } from './front/injector-metrics.ts'
import { requestCertificate, waitForCertificate } from './front/serving-certificate.ts'
import { startWebhookServer } from './front/webhook-server.ts'
import type { PodReviewDeps } from './review/review-pod.ts'

async function start(config: InjectorConfig, logger: Logger): Promise<readonly Closer[]> {
  const folder = config.serviceAccountFolder
  const metrics = createMetrics('injector', VERSION)
  let state = 'waiting for the certificate authority'
  const requestHeader = createRequestHeaderSource({
    read: () => readExtensionAuthentication(folder),
    logger,
  })
  const webhooks = () => (state === 'serving' ? undefined : state)
  const health = await startHealthServer({
    ...{ port: config.healthPortNumber, host: '0.0.0.0', metrics },
    checks: { '/readyz': [{ name: 'webhooks', check: webhooks }, frontProxyCheck(requestHeader)] },
  })
  const readAuthority = () => readAuthorityCertificate(folder)
  const authorityPem = await waitForAuthority(readAuthority, logger)
  const watch = watchAuthority({
    known: authorityPem,
    read: readAuthority,
    logger,
    onReplaced() {
      // The authority decides the certificate, the trust in the control plane and what sidecars get, so
      // the process starts again.
      logger.warn('The certificate authority was replaced; ending, to be started with the new one')
      process.kill(process.pid, 'SIGTERM')
    },
  })
  await waitForFrontProxy(requestHeader)
  const apiAudiences = [...(await readApiAudiences(folder)), ...commaSeparated(config.apiAudiences)]
  const chains = createChainClient({
    address: config.controlPlaneAddress,
    caPem: authorityPem,
    tokenFile: config.controlPlaneTokenFile,
  })
  const sidecar = sidecarOptions(config, authorityPem)
  const app = createApp({
    chains,
    logger,
    metrics: createInjectorMetrics(metrics),
    apiAudiences,
    visitFailurePolicy: config.visitFailurePolicy,
    isNeutralKey: createNeutralKeyCheck(commaSeparated(config.neutralKeys)),
    ...clusterReaders(config),
    authenticate: (incoming) => authenticateFrontProxy(incoming, requestHeader.current()),
    get sidecar() {
      return sidecar()
    },
  })
  const port = config.listenPortNumber
  state = 'waiting for a certificate of the control plane'
  const certificate = await waitForCertificate(chains, logger)
  const renew = () => requestCertificate(chains)
  const server = await startWebhookServer({ app, port, certificate, renew, requestHeader, logger })
  state = 'serving'
  logger.info({ port: server.port, version: VERSION }, 'Serving webhooks')
  return [
    {
      name: 'service',
      // The Service sends requests here until every node knows better; a refused connection would refuse a pod.
      close: async () => {
        watch.stop()
        state = 'draining'
        await sleep(config.drainWaitMs)
      },
    },
    { name: 'webhooks', close: () => server.close() },
    { name: 'control plane', close: async () => chains.close() },
    { name: 'front proxy configuration', close: async () => requestHeader.close() },
    { name: 'health', close: async () => void health.close() },
  ]
}

const commaSeparated = (text: string) => text.split(',').map((part) => part.trim())

/** What is read of the cluster while pods are reviewed. */
function clusterReaders(config: InjectorConfig): Pick<PodReviewDeps, 'controlPlane' | 'limits'> {
  const read = (path: string) => readObject(path, config.serviceAccountFolder)
  return {
    controlPlane: new ControlPlaneAddress(config.controlPlaneAddress, read, Date.now),
    limits: new NamespaceLimitsReader(read, Date.now),
  }
}

/** Without it nobody is believed. It is asked for again by itself while nothing is known. */
async function waitForFrontProxy(requestHeader: ReloadedRequestHeaderSource): Promise<void> {
  await requestHeader.start()
  while (requestHeader.current() === undefined) await sleep(100)
}

/** Read again for each pod, since the cluster's authority may change; a broken file refuses the pod. */
function sidecarOptions(
  config: InjectorConfig,
  controlPlaneCa: string,
): () => PodReviewDeps['sidecar'] {
  // By value: what kubelet would tell sidecars can be changed by a Service of their own namespace.
  const apiServerUrl = apiServerOrigin(config.apiServerUrl, 'apiServerUrl', process.env).origin
  const caFile = join(config.serviceAccountFolder, 'ca.crt')
  return () => ({
    image: config.sidecarImage,
    imagePullPolicy: config.sidecarImagePullPolicy,
    controlPlaneCa,
    apiServerUrl,
    apiServerCa: readFileSync(caFile, 'utf8'),
    logLevel: config.sidecarLogLevel,
    readAhead: config.sidecarReadAhead,
    shareWatches: config.sidecarShareWatches,
    // A sidecar that looked the name up itself would find itself.
    serviceName:
      config.sidecarServiceName && !SERVICE_NAMES.includes(new URL(apiServerUrl).hostname),
    cpuRequest: config.sidecarCpuRequest,
    cpuLimit: config.sidecarCpuLimit,
    memoryRequest: config.sidecarMemoryRequest,
    memoryLimit: config.sidecarMemoryLimit,
    cpuLimitMin: config.sidecarCpuLimitMin,
    memoryLimitMin: config.sidecarMemoryLimitMin,
    cpuMax: config.sidecarCpuMax,
    memoryMax: config.sidecarMemoryMax,
    imageMirrors: imageMirrors(config),
  })
}

const config = loadConfig(injectorConfig, {
  prefix: 'LANYARD',
  args: process.argv.slice(2),
  env: process.env,
  readFile: (path) => readFileSync(path, 'utf8'),
})
const logger = createLogger({ name: 'injector', level: config.logLevel })
runProcess(logger, () => start(config, logger))
