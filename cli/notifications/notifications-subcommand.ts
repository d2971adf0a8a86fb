import type { Command } from 'commander'
import { parseText } from '../arguments/object-name.ts'
import { usable } from '../command/global-options.ts'
import type { Start } from '../command/start.ts'
import { examples } from '../command/usage-text.ts'
import { type NotificationsOptions, runNotifications } from './run-notifications.ts'

/** Adds `notifications`. */
export function addNotifications(program: Command, name: string, start: Start): void {
  const command = program.command('notifications')
  command
    .description('List notices to webhooks since the control plane started, and how they went.')
    .option('--dead', 'only those that are tried no more')
    .option('--webhook <name>', 'only those to this webhook', usable(parseText))
    .addHelpText(
      'before',
      examples(name, [['notifications -A --dead', 'what nobody was told of, and why']]),
    )
    .action(() =>
      start((context) => runNotifications(context, command.opts<NotificationsOptions>())),
    )
}
