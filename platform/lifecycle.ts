import type { Logger } from './logger.ts'

/** Something that must be closed before the process ends. */
export interface Closer {
  readonly name: string
  /** Stops taking work, ends what runs, frees what it holds. */
  close(): Promise<void>
}

/** Longest drain. Below Kubernetes' default grace period of 30 s, so that SIGKILL never comes first. */
export const DRAIN_MS_MAX = 25_000

/**
 * Runs a process: `start` returns what must be closed, in the order of closing. SIGTERM or SIGINT
 * closes them and exits 0; a failed start, an unhandled error or a drain past its time exits 1.
 */
export function runProcess(logger: Logger, start: () => Promise<readonly Closer[]>): void {
  process.on('uncaughtException', (error) => die(logger, error, 'Uncaught error'))
  process.on('unhandledRejection', (error) => die(logger, error, 'Unhandled rejection'))
  const signal = new Promise<string>((resolve) => {
    process.once('SIGTERM', resolve)
    process.once('SIGINT', resolve)
  })
  let closers: readonly Closer[] = []
  void signal.then((name) => {
    logger.info({ signal: name }, 'Draining')
    // Before the start is done there is nothing to drain, and waiting for it could last for ever.
    return drain(logger, closers)
  })
  start().then(
    (started) => {
      closers = started
    },
    (error: unknown) => die(logger, error, 'Cannot start'),
  )
}

async function drain(logger: Logger, closers: readonly Closer[]): Promise<void> {
  const timer = setTimeout(
    () => die(logger, new Error('drain timed out'), 'Cannot drain in time'),
    DRAIN_MS_MAX,
  )
  for (const closer of closers) {
    try {
      await closer.close()
    } catch (error) {
      // Recorded and passed over: the others must be closed as well.
      logger.error({ error, part: closer.name }, 'Cannot close')
    }
  }
  clearTimeout(timer)
  logger.info('Stopped')
  logger.flush(() => process.exit(0))
}

function die(logger: Logger, error: unknown, message: string): void {
  logger.error({ error }, message)
  logger.flush(() => process.exit(1))
  // The flush callback never comes when standard output is gone.
  setTimeout(() => process.exit(1), 500).unref()
}
