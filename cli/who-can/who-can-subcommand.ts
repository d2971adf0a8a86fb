import type { Command } from 'commander'
import { parseText } from '../arguments/object-name.ts'
import { usable } from '../command/global-options.ts'
import type { Start } from '../command/start.ts'
import { examples } from '../command/usage-text.ts'
import { runWhoCan } from './run-who-can.ts'

/** Adds `who-can`; `name` is how the program is called, `start` runs a command. */
export function addWhoCan(program: Command, name: string, start: Start): void {
  program
    .command('who-can')
    .argument('<verb>', 'verb of the request', usable(parseText))
    .argument('<resource>', 'RESOURCE[.GROUP][/SUBRESOURCE], or a path', usable(parseText))
    .argument('[name]', 'name of the object', usable(parseText))
    .description(
      'List whose pods may do something: the subjects of policies and of RBAC, each by itself. The service account of the pod must be allowed too.',
    )
    .addHelpText(
      'before',
      examples(name, [
        ['who-can delete pods -n team', 'in one namespace'],
        ['who-can get secrets db -n team', 'one object'],
        ['who-can list secrets -A', 'over all namespaces'],
      ]),
    )
    .action((verb: string, resource: string, object: string | undefined) =>
      start((context) =>
        runWhoCan(context, object === undefined ? [verb, resource] : [verb, resource, object]),
      ),
    )
}
