import { type Command, Option } from 'commander'
import { Fault } from '../../core/fault.ts'
import { parseText } from '../arguments/object-name.ts'
import { usable } from '../command/global-options.ts'
import type { Start } from '../command/start.ts'
import { examples } from '../command/usage-text.ts'
import { type RevokeOptions, runRevoke } from './run-revoke.ts'

/** Adds `revoke`. */
export function addRevoke(program: Command, name: string, start: Start): void {
  const revoke = program.command('revoke')
  revoke
    .description('End the chains that somebody began before now, open requests included.')
    .requiredOption('--root <name>', 'user name, or NAMESPACE/NAME', usable(parseText))
    .addOption(
      new Option('--root-kind <kind>', 'what --root names')
        .choices(['User', 'ServiceAccount'])
        .default('User'),
    )
    .requiredOption('--reason <text>', 'text that refused callers read', usable(parseText))
    .option('--since <time>', 'spare chains whose root was last seen before', usable(parseTime))
    .option('--only-root', 'spare chains in which the principal is only a co-requester')
    .addHelpText(
      'before',
      examples(name, [
        ['revoke --root alice --reason "left the company"', 'a person'],
        ['revoke --root team/bot --root-kind ServiceAccount --reason leaked', 'an account'],
      ]),
    )
    .action(() => {
      const options = revoke.opts<RevokeOptions>()
      if (options.rootKind === 'ServiceAccount' && options.root.split('/').length !== 2) {
        program.error('error: --root of a ServiceAccount is NAMESPACE/NAME')
      }
      return start((context) => runRevoke(context, options))
    })
}

/** RFC 3339 of a date or a time. Throws `request_invalid`. */
function parseTime(text: string): string {
  const time = new Date(text)
  if (!Number.isNaN(time.getTime())) return time.toISOString()
  throw new Fault(
    'request_invalid',
    `${JSON.stringify(text)} is no time: want 2026-11-23T10:00:00Z`,
  )
}
