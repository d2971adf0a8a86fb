import { listObjects } from '../../api/client/list-objects.ts'
import { NOTIFICATION_COLUMNS } from '../../api/columns/notification-columns.ts'
import { NOTIFICATIONS, type NotificationObject } from '../../api/objects/notification-object.ts'
import { escapeText } from '../../core/escape-text.ts'
import type { CommandContext } from '../command/command-context.ts'
import { writeList } from '../terminal/object-writer.ts'

export interface NotificationsOptions {
  /** Only those that are tried no more. */
  readonly dead?: boolean
  readonly webhook?: string
}

/** `notifications`: notices to webhooks since the control plane started, oldest first. */
export async function runNotifications(
  context: CommandContext,
  { dead, webhook }: NotificationsOptions,
): Promise<number> {
  const { client, allNamespaces } = context
  const list = await listObjects<NotificationObject>(client, NOTIFICATIONS, {
    scope: allNamespaces ? undefined : client.namespace,
    fields: { 'status.phase': dead === true ? 'Dead' : undefined, 'spec.webhook': webhook },
  })
  const where = allNamespaces ? '' : ` in ${escapeText(client.namespace)} namespace`
  const what = dead === true ? 'dead notifications' : 'notifications'
  writeList(context, NOTIFICATION_COLUMNS, list, `No ${what} found${where}.\n`)
  return 0
}
