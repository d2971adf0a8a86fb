import { readFileSync } from 'node:fs'
import { loadConfig } from '../platform/config.ts'
import { runProcess } from '../platform/lifecycle.ts'
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
runProcess(logger, () => startControlPlane(config, logger))
