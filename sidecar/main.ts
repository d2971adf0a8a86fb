import { readFileSync } from 'node:fs'
import { loadConfig } from '../platform/config.ts'
import { runProcess } from '../platform/lifecycle.ts'
import { createLogger } from '../platform/logger.ts'
import { sidecarConfig } from './config.ts'
import { startSidecar } from './start-sidecar.ts'

const config = loadConfig(sidecarConfig, {
  prefix: 'LANYARD',
  args: process.argv.slice(2),
  env: process.env,
  readFile: (path) => readFileSync(path, 'utf8'),
})
const logger = createLogger({ name: 'sidecar', level: config.logLevel })

runProcess(logger, async () => {
  const { closers } = await startSidecar(config, process.env, logger)
  return closers
})
