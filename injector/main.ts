import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type CertificateAuthority,
  loadCertificateAuthority,
} from '../platform/certificate-authority.ts'
import { loadConfig } from '../platform/config.ts'
import { startHealthServer } from '../platform/health-server.ts'
import { type Closer, runProcess } from '../platform/lifecycle.ts'
import { createLogger, type Logger } from '../platform/logger.ts'
import { createMetrics } from '../platform/metrics.ts'
import { VERSION } from '../platform/version.ts'
import { readApiAudiences } from './api-audiences.ts'
import { createApp } from './app.ts'
import { createChainClient } from './chain-client.ts'
import { type InjectorConfig, injectorConfig } from './config.ts'
import { createInjectorMetrics } from './injector-metrics.ts'
import { readCertificateAuthority } from './system-secret.ts'
import { startWebhookServer } from './webhook-server.ts'

/** How often the certificate authority is looked for while the control plane has not made it. */
const AUTHORITY_POLL_MS = 500

async function start(config: InjectorConfig, logger: Logger): Promise<readonly Closer[]> {
  const metrics = createMetrics('injector', VERSION)
  let state = 'waiting for the certificate authority'
  const health = await startHealthServer({
    port: config.healthPortNumber,
    host: '0.0.0.0',
    metrics,
    checks: {
      '/readyz': [
        {
          name: 'webhooks',
          check: () => (state === 'serving' ? undefined : state),
        },
      ],
    },
  })
  const authority = await waitForAuthority(config.serviceAccountFolder, logger)
  const apiAudiences = [
    ...(await readApiAudiences(config.serviceAccountFolder)),
    ...config.apiAudiences.split(',').map((audience) => audience.trim()),
  ]
  const chains = createChainClient({
    address: config.controlPlaneAddress,
    caPem: authority.certificatePem,
    tokenFile: config.controlPlaneTokenFile,
  })
  const app = createApp({
    chains,
    logger,
    metrics: createInjectorMetrics(metrics),
    apiAudiences,
    sidecar: {
      image: config.sidecarImage,
      imagePullPolicy: config.sidecarImagePullPolicy,
      controlPlaneAddress: config.controlPlaneAddress,
      controlPlaneCa: authority.certificatePem,
      logLevel: config.sidecarLogLevel,
      cpuRequest: config.sidecarCpuRequest,
      cpuLimit: config.sidecarCpuLimit,
      memoryRequest: config.sidecarMemoryRequest,
      memoryLimit: config.sidecarMemoryLimit,
    },
  })
  const server = await startWebhookServer({ app, port: config.listenPortNumber, authority, logger })
  state = 'serving'
  logger.info({ port: server.port, version: VERSION }, 'Serving webhooks')
  // The Service sends requests here until every node knows better; a refused connection would
  // refuse a pod.
  async function leaveService(): Promise<void> {
    state = 'draining'
    await sleep(config.drainWaitMs)
  }
  return [
    { name: 'service', close: leaveService },
    { name: 'webhooks', close: () => server.close() },
    { name: 'control plane', close: () => Promise.resolve(chains.close()) },
    { name: 'health', close: () => Promise.resolve(void health.close()) },
  ]
}

async function waitForAuthority(folder: string, logger: Logger): Promise<CertificateAuthority> {
  for (;;) {
    try {
      const pair = await readCertificateAuthority(folder)
      if (pair !== undefined) return await loadCertificateAuthority(pair)
    } catch (error) {
      // Recorded and tried again: kube-apiserver or the control plane may be starting too.
      logger.warn({ error }, 'Cannot read the certificate authority yet')
    }
    await sleep(AUTHORITY_POLL_MS)
  }
}

const config = loadConfig(injectorConfig, {
  prefix: 'LANYARD',
  args: process.argv.slice(2),
  env: process.env,
  readFile: (path) => readFileSync(path, 'utf8'),
})
const logger = createLogger({ name: 'injector', level: config.logLevel })
runProcess(logger, () => start(config, logger))
