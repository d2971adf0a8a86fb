import type { Command } from 'commander'
import { parsePodName, parseText } from '../arguments/object-name.ts'
import { usable } from '../command/global-options.ts'
import type { Start } from '../command/start.ts'
import { examples } from '../command/usage-text.ts'
import { type CanIOptions, runCanI } from './run-can-i.ts'

/** Adds `can-i`; `name` is how the program is called, `start` runs a command. */
export function addCanI(program: Command, name: string, start: Start): void {
  const command = program.command('can-i')
  command
    .argument('<verb>', 'verb of the request', usable(parseText))
    .argument('<resource>', 'RESOURCE[.GROUP][/SUBRESOURCE], or a path', usable(parseText))
    .argument('[name]', 'name of the object', usable(parseText))
    .description(
      'Say whether the pods of somebody may do something, with the answer of everybody who has a say. 0 for yes, 1 for no.',
    )
    .option('--root <user>', 'user name of a root requester', usable(parseText))
    .option('--group <group>', 'a group of that user; may be repeated', collect)
    .option('--pod <name>', 'the pod whose chain is asked about', usable(parsePodName))
    .addHelpText(
      'before',
      examples(name, [
        ['can-i delete pods --root alice -n team', 'whether pods of alice may delete pods'],
        ['can-i create pods/exec --pod agent -n team', 'whether this pod may'],
        ['can-i list secrets --root alice -A -o yaml', 'over all namespaces, for a program'],
      ]),
    )
    .action((verb: string, resource: string, object: string | undefined) => {
      const options = command.opts<CanIOptions>()
      if ((options.root === undefined) === (options.pod === undefined)) {
        program.error('error: say for whom: either --root USER or --pod NAME')
      }
      const asked =
        object === undefined ? ([verb, resource] as const) : ([verb, resource, object] as const)
      return start((context) => runCanI(context, asked, options))
    })
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}
