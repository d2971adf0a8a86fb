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
  let serving = false
  const health = await startHealthServer({
    port: config.healthPortNumber,
    host: '0.0.0.0',
    metrics,
    checks: {
      '/readyz': [
        {
          name: 'webhooks',
          check: () => (serving ? undefined : 'waiting for the certificate authority'),
        },
      ],
    },
  })
  const authority = await waitForAuthority(logger)
  const chains = createChainClient({
    address: config.controlPlaneAddress,
    caPem: authority.certificatePem,
    tokenFile: config.controlPlaneTokenFile,
  })
  const app = createApp({
    chains,
    logger,
    metrics: createInjectorMetrics(metrics),
    apiAudiences: config.apiAudiences.split(',').filter((audience) => audience !== ''),
    sidecar: {
      image: config.sidecarImage,
      imagePullPolicy: config.sidecarImagePullPolicy,
      controlPlaneAddress: config.controlPlaneAddress,
      controlPlaneCa: authority.certificatePem,
      logLevel: config.sidecarLogLevel,
      cpuRequest: config.sidecarCpuRequest,
      memoryRequest: config.sidecarMemoryRequest,
      memoryLimit: config.sidecarMemoryLimit,
    },
  })
  const server = await startWebhookServer({ app, port: config.listenPortNumber, authority, logger })
  serving = true
  logger.info({ port: server.port, version: VERSION }, 'Serving webhooks')
  return [
    { name: 'webhooks', close: () => server.close() },
    { name: 'control plane', close: () => Promise.resolve(chains.close()) },
    { name: 'health', close: () => Promise.resolve(void health.close()) },
  ]
}

async function waitForAuthority(logger: Logger): Promise<CertificateAuthority> {
  for (;;) {
    try {
      const pair = await readCertificateAuthority()
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
