import type { Command } from 'commander'
import { Fault } from '../../core/fault.ts'
import { parseText } from '../arguments/object-name.ts'
import { parseWorkloadName, type WorkloadName } from '../arguments/workload-name.ts'
import { usable } from '../command/global-options.ts'
import type { Start } from '../command/start.ts'
import { examples } from '../command/usage-text.ts'
import { type ResetOptions, runReset } from './run-reset.ts'

/** Adds `reset`. */
export function addReset(program: Command, name: string, start: Start): void {
  const reset = program.command('reset')
  reset
    .argument('<object>', 'what makes the pods, as KIND/NAME', usable(parseWorkloadName))
    .description(
      'Answer, alone, for what an object makes from now on, such as one whose chain is closed. Read its code first.',
    )
    .option(
      '--generation <number>',
      'refuse unless the object is at this generation, the one you have read',
      usable(parseGeneration),
    )
    .option('--reason <text>', 'text for readers of the record', usable(parseText))
    .addHelpText(
      'before',
      examples(name, [
        ['reset deployment/web -n team', 'take what it runs now upon yourself'],
        ['reset sts/db --generation 7', 'only if nobody has changed it since you looked'],
      ]),
    )
    .action((workload: WorkloadName) =>
      start((context) => runReset(context, workload, reset.opts<ResetOptions>())),
    )
}

/** Throws `request_invalid` for what is no number of a generation. */
function parseGeneration(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw new Fault('request_invalid', `${JSON.stringify(text)} is no generation: want 1, 2, 3 …`)
}
