import { SYSTEM_CLOCK } from '../../platform/clock.ts'
import type { Logger } from '../../platform/logger.ts'
import type { Counter } from '../../platform/metrics.ts'
import type { Approvals } from '../approvals/approvals.ts'
import { announceApprovals } from './announcer.ts'
import { NotificationLog } from './notification-log.ts'
import { Notifier } from './notifier.ts'
import { sendWebhook } from './send-webhook.ts'
import { readWebhookTargets } from './webhook-target.ts'

export interface NotificationParts {
  readonly store: Approvals['store']
  /** Where the Secret of webhooks is mounted; empty: nobody is told, and nothing is sent anywhere. */
  readonly folder: string
  readonly counter: Counter<'result'>
  readonly logger: Logger
}

/** Begins to tell webhooks of approvals. `stop` gives up what waits; a later start tells again of what is open. */
export function startNotifications({ store, folder, counter, logger }: NotificationParts): {
  readonly log: NotificationLog
  readonly stop: () => void
} {
  const clock = SYSTEM_CLOCK
  const log = new NotificationLog(clock.nowMs())
  if (folder === '') return { log, stop: () => {} }
  const notifier = new Notifier({
    readTargets: () => readWebhookTargets(folder),
    ...{ send: sendWebhook, log, clock, logger, counter },
  })
  const stopAnnouncing = announceApprovals(store, notifier)
  return {
    log,
    stop() {
      stopAnnouncing()
      notifier.stop()
    },
  }
}
