import { readFileSync } from 'node:fs'
import { loadConfig } from '../platform/config.ts'
import { runProcess } from '../platform/lifecycle.ts'
import { startLivenessServer } from '../platform/liveness-server.ts'
import { createLogger } from '../platform/logger.ts'
import { controlPlaneConfig } from './config.ts'
import { startControlPlane } from './start-control-plane.ts'

const config = loadConfig(controlPlaneConfig, {
  prefix: 'LANYARD',
  args: process.argv.slice(2),
  env: process.env,
  readFile: (path) => readFileSync(path, 'utf8'),
})
const logger = createLogger({ name: 'control-plane', level: config.logLevel })
runProcess(logger, async () => {
  // First, and in a thread of its own: neither a long start nor a flood is taken for death.
  const liveness = await startLivenessServer({ port: config.livenessPortNumber, host: '0.0.0.0' })
  const closers = await startControlPlane(config, logger)
  return [...closers, { name: 'liveness', close: () => liveness.close() }]
})
