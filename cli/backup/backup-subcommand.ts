import type { Command } from 'commander'
import { parseText } from '../arguments/object-name.ts'
import { usable } from '../command/global-options.ts'
import type { Start } from '../command/start.ts'
import { examples } from '../command/usage-text.ts'
import { type BackupOptions, runBackup } from './run-backup.ts'

/** Adds `backup`. */
export function addBackup(program: Command, name: string, start: Start): void {
  const backup = program.command('backup')
  backup
    .argument('<file>', 'where the copy goes', usable(parseText))
    .description(
      'Copy the database of chains and decisions to a file, as of one moment, while it is in use.',
    )
    .option('--force', 'replace an existing file')
    .addHelpText(
      'before',
      examples(name, [
        ['backup lanyard.db', 'a file that can take the place of the database'],
        ['backup --force /backups/lanyard.db', 'in the place of the last copy'],
      ]),
    )
    .action((file: string) =>
      start((context) => runBackup(context, file, backup.opts<BackupOptions>())),
    )
}
