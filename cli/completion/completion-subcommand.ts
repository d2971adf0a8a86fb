import { Argument, type Command } from 'commander'
import type { Start } from '../command/start.ts'
import { examples } from '../command/usage-text.ts'
import { COMPLETION_SCRIPTS, SHELLS, type Shell } from './completion-scripts.ts'

/** Adds `completion`; `name` is how the program is called, `start` runs a command. */
export function addCompletion(program: Command, name: string, start: Start): void {
  program
    .command('completion')
    .addArgument(new Argument('<shell>', 'where words are to be completed').choices(SHELLS))
    .description(
      'Print the script by which a shell, or kubectl, completes the words of this program.',
    )
    .addHelpText(
      'before',
      examples(name, [
        [
          'completion kubectl',
          "for kubectl's own completion: to a file kubectl_complete-lanyard on PATH",
        ],
        [
          'completion bash',
          'for kubectl-lanyard called directly: source <(kubectl-lanyard completion bash)',
        ],
      ]),
    )
    .action((shell: Shell) =>
      start(async ({ terminal }) => {
        terminal.out(COMPLETION_SCRIPTS[shell])
        return 0
      }),
    )
}
