import { listOf, type Ref, top } from './openapi-kinds.ts'
import { integer, object, type Schema, text, time } from './schema-parts.ts'

/** The kind, and what stands in it. */
export function notificationKinds(ref: Ref): Record<string, Schema> {
  return {
    NotificationSpec: object('Who is told of what.', {
      webhook: text('Name of the webhook, as its Secret has it.'),
      type: text('What happened, such as accessrequest.pending.'),
      request: text('Name of the AccessRequest.'),
    }),
    NotificationStatus: object('How far it has come.', {
      phase: {
        ...text('A dead one is tried no more.'),
        enum: ['Waiting', 'Delivered', 'Dead'],
      },
      attempts: integer('How often it was tried.'),
      lastAttemptAt: time('When last.'),
      nextAttemptAt: time('When next.'),
      reason: text('Why it failed last; absent when it did not.'),
    }),
    Notification: top('Notification', 'A notice to a webhook, since the control plane started.', {
      metadata: ref('ObjectMeta', 'Its name is that of the notice and of the webhook.'),
      spec: ref('NotificationSpec', 'Who is told of what.'),
      status: ref('NotificationStatus', 'How far it has come.'),
    }),
    NotificationList: listOf('Notification', ref),
  }
}
