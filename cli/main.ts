import { VERSION } from '../platform/version.ts'
import { runCli } from './program/program.ts'

// A reader such as `head` that has enough closes the pipe: no error, and nothing more to do.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1)
})

void runCli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  invokedAs: process.argv[1] ?? 'lanyard',
  version: VERSION,
  now: Date.now,
}).then((exitCode) => {
  process.exitCode = exitCode
})
