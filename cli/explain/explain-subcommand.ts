import type { Command } from 'commander'
import { type DecisionId, parseDecisionId } from '../arguments/decision-id.ts'
import { usable } from '../command/global-options.ts'
import type { Start } from '../command/start.ts'
import { examples } from '../command/usage-text.ts'
import { runExplain } from './run-explain.ts'

/** Adds `explain`; `name` is how the program is called, `start` runs a command. */
export function addExplain(program: Command, name: string, start: Start): void {
  program
    .command('explain')
    .argument('<id>', 'id of the decision, or its beginning', usable(parseDecisionId))
    .description('Explain one decision: the request, the chain, who refused and why, the outcome.')
    .addHelpText(
      'before',
      examples(name, [
        ['explain 01M83XJ9780000000000000001', 'as the message of a refusal has it'],
        ['explain 01m83xj97', 'the beginning is enough when no other id has it'],
      ]),
    )
    .action((id: DecisionId) => start((context) => runExplain(context, id)))
}
