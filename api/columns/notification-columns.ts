import { humanDuration } from '../../core/kubernetes/human-duration.ts'
import type { NotificationObject } from '../objects/notification-object.ts'
import { type Column, column } from './column.ts'

/** What `kubectl get notifications` shows. */
export const NOTIFICATION_COLUMNS: readonly Column<NotificationObject>[] = [
  column('Name', 'Of the notice and of the webhook.', ({ metadata }) => metadata.name, {
    format: 'name',
    usualWidth: 48,
  }),
  column('Webhook', 'Who is told.', ({ spec }) => spec.webhook, { usualWidth: 10 }),
  column('Type', 'What happened.', ({ spec }) => spec.type, { usualWidth: 24 }),
  column('Status', 'Whether it was delivered.', ({ status }) => status.phase, { usualWidth: 9 }),
  column('Attempts', 'How often it was tried.', ({ status }) => status.attempts, {
    type: 'integer',
  }),
  column('Age', 'Time since it was made.', ({ metadata }, nowMs) =>
    humanDuration(nowMs - Date.parse(metadata.creationTimestamp)),
  ),
  column('Reason', 'Why it failed last.', ({ status }) => status.reason ?? '<none>'),
]
