import type { Command } from 'commander'
import type { Start } from '../command/start.ts'
import { examples } from '../command/usage-text.ts'
import { runVersion } from './run-version.ts'

/** Adds `version`; `name` is how the program is called, `start` runs a command. */
export function addVersion(program: Command, name: string, start: Start): void {
  const version = program.command('version')
  version
    .description('Print the versions of this program and of Lanyard in the cluster.')
    .option('--client', 'only the version of this program; needs no cluster')
    .addHelpText(
      'before',
      examples(name, [
        ['version', 'both'],
        ['version --client', 'without asking a cluster'],
        ['version -o json', 'as one object'],
      ]),
    )
    .action(() => {
      const { client = false } = version.opts<{ client?: boolean }>()
      return start((context) => runVersion(context, client))
    })
}
