import type { Command } from 'commander'
import { parsePodName } from '../arguments/object-name.ts'
import { usable } from '../command/global-options.ts'
import type { Start } from '../command/start.ts'
import { examples } from '../command/usage-text.ts'
import { runChain } from './run-chain.ts'

/** Adds `chain`; `name` is how the program is called, `start` runs a command. */
export function addChain(program: Command, name: string, start: Start): void {
  program
    .command('chain')
    .argument('<pod>', 'name of a pod, or pod/NAME', usable(parsePodName))
    .description(
      'Show for whom a pod acts, the pods that led to it, and the pods that it launched.',
    )
    .addHelpText(
      'before',
      examples(name, [
        ['chain agent', 'the tree from the root requester'],
        ['chain agent -n team -o wide', 'with UIDs, groups and times'],
        ['chain agent -o yaml', 'the Chain object'],
      ]),
    )
    .action((pod: string) => start((context) => runChain(context, pod)))
}
