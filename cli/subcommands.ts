import { Argument, type Command } from 'commander'
import { addAudit } from './audit-subcommand.ts'
import { runChain } from './commands/chain.ts'
import { runCheck } from './commands/check.ts'
import { runExplain } from './commands/explain.ts'
import { runVersion } from './commands/version.ts'
import { COMPLETION_SCRIPTS, SHELLS, type Shell } from './completion-scripts.ts'
import { type DecisionId, parseDecisionId } from './decision-id.ts'
import { type GlobalOptions, usable } from './global-options.ts'
import { parsePodName } from './object-name.ts'
import { addReset } from './reset-subcommand.ts'
import { addRevoke } from './revoke-subcommand.ts'
import type { Start } from './start.ts'
import { examples } from './usage-text.ts'

/** Adds every command; `name` is how the program is called, `start` runs one. */
export function addSubcommands(program: Command, name: string, start: Start): void {
  addChain(program, name, start)
  addAudit(program, name, start)
  addExplain(program, name, start)
  addCheck(program, name, start)
  addReset(program, name, start)
  addRevoke(program, name, start)
  addVersion(program, name, start)
  addCompletion(program, name, start)
}

function addChain(program: Command, name: string, start: Start): void {
  program
    .command('chain')
    .argument('<pod>', 'name of a pod, or pod/NAME', usable(parsePodName))
    .description('Show for whom a pod acts, the pods on the way to it, and what it has launched.')
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

function addExplain(program: Command, name: string, start: Start): void {
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

function addCheck(program: Command, name: string, start: Start): void {
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

function addVersion(program: Command, name: string, start: Start): void {
  const version = program.command('version')
  version
    .description('Print the versions of this program and of Lanyard in the cluster.')
    .option('--client', 'only that of this program; needs no cluster')
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

function addCompletion(program: Command, name: string, start: Start): void {
  program
    .command('completion')
    .addArgument(new Argument('<shell>', 'where words are to be completed').choices(SHELLS))
    .description('Print what completes the words of this program, in a shell or behind kubectl.')
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
