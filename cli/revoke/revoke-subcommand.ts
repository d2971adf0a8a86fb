import { type Command, Option } from 'commander'
import { Fault } from '../../core/fault.ts'
import { parseWholeId } from '../arguments/decision-id.ts'
import { parseText } from '../arguments/object-name.ts'
import { usable } from '../command/global-options.ts'
import type { Start } from '../command/start.ts'
import { examples } from '../command/usage-text.ts'
import { type RevokeOptions, runRevoke } from './run-revoke.ts'
import { runRevokeGrant } from './run-revoke-grant.ts'

/** Adds `revoke`. */
export function addRevoke(program: Command, name: string, start: Start): void {
  const revoke = program.command('revoke')
  revoke
    .description(
      'End the chains that somebody began before now, or one grant, open requests included.',
    )
    .option('--root <name>', 'chains of this user name, or NAMESPACE/NAME', usable(parseText))
    .option('--grant <id>', 'one grant, instead of chains', usable(parseWholeId))
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
        ['revoke --grant 01m83xj9780000000000000001 --reason "done"', 'what somebody approved'],
      ]),
    )
    .action(() => {
      const { grant, root, ...options } = revoke.opts<RevokeFlags>()
      if ((grant === undefined) === (root === undefined)) {
        program.error('error: revoke wants either --root NAME or --grant ID')
      }
      if (grant !== undefined) {
        const chains = ['rootKind', 'since', 'onlyRoot'].filter(
          (key) => revoke.getOptionValueSource(key) === 'cli',
        )
        if (chains.length > 0) program.error('error: --grant takes no option but --reason')
        return start((context) => runRevokeGrant(context, grant, options.reason))
      }
      if (options.rootKind === 'ServiceAccount' && root?.split('/').length !== 2) {
        program.error('error: --root of a ServiceAccount is NAMESPACE/NAME')
      }
      return start((context) => runRevoke(context, { ...options, root: root ?? '' }))
    })
}

type RevokeFlags = Omit<RevokeOptions, 'root'> & {
  readonly root?: string
  readonly grant?: string
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
