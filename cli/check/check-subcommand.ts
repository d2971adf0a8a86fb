import type { Command } from 'commander'
import type { GlobalOptions } from '../command/global-options.ts'
import type { Start } from '../command/start.ts'
import { examples } from '../command/usage-text.ts'
import { runCheck } from './run-check.ts'

/** Adds `check`; `name` is how the program is called, `start` runs a command. */
export function addCheck(program: Command, name: string, start: Start): void {
  program
    .command('check')
    .description(
      'Check the installation, line by line. What you may not read is a warning. Exits 1 when something is wrong.',
    )
    .addHelpText(
      'before',
      examples(name, [
        ['check', 'the installation and every namespace'],
        ['check -n team', 'the installation and the pods of one namespace'],
      ]),
    )
    .action(() => {
      const { namespace, output } = program.opts<GlobalOptions>()
      if (output === 'name') program.error('error: check writes text, json or yaml')
      return start((context) => runCheck(context, namespace))
    })
}
