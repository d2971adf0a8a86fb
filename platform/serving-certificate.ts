import type { Logger } from './logger.ts'

/** The certificate of a server lives a day, in milliseconds. */
export const SERVING_CERTIFICATE_MS = 24 * 60 * 60 * 1_000
/** After a third of its life comes the next one, so that two attempts may fail. */
const RENEWAL_MS = SERVING_CERTIFICATE_MS / 3
/** After an attempt that failed. */
const RETRY_MS = 60_000

/**
 * Calls `renew` after a third of a certificate's life, again and again, until the returned function is
 * called. A `renew` that throws is logged and tried again after a minute; the certificate before
 * serves until then. `everyMs` is for certificates with another life; timers of Node take at most
 * 24 days. The process does not stay alive for it.
 */
export function keepRenewing(
  renew: () => Promise<void>,
  logger: Logger,
  everyMs = RENEWAL_MS,
): () => void {
  let timer: NodeJS.Timeout
  function schedule(delayMs: number): void {
    timer = setTimeout(() => void attempt(), delayMs)
    timer.unref()
  }
  let stopped = false
  async function attempt(): Promise<void> {
    let nextMs = everyMs
    try {
      await renew()
    } catch (error) {
      // Recorded and tried again, long before the certificate ends.
      logger.error({ error }, 'Cannot renew the certificate')
      nextMs = RETRY_MS
    }
    if (!stopped) schedule(nextMs)
  }
  schedule(everyMs)
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}
