import type { Command } from 'commander'
import { parseText } from '../arguments/object-name.ts'
import { addFilterOptions } from '../audit/decision-filter.ts'
import { usable } from '../command/global-options.ts'
import { addSince } from '../command/since-option.ts'
import type { Start } from '../command/start.ts'
import { examples } from '../command/usage-text.ts'
import { runPolicyDiff } from './run-policy-diff.ts'
import { runPolicyLint } from './run-policy-lint.ts'
import { type PolicyReplayOptions, runPolicyReplay } from './run-policy-replay.ts'
import { runPolicySuggest, type SuggestOptions } from './run-policy-suggest.ts'
import { runPolicyTest } from './run-policy-test.ts'

/** Adds `policy` and its commands; `name` is how the program is called, `start` runs a command. */
export function addPolicy(program: Command, name: string, start: Start): void {
  const policy = program.command('policy')
  policy
    .description(
      'Check, test, compare and try policies in files, and write one from what was seen.',
    )
    .addHelpText(
      'before',
      examples(name, [
        ['policy lint policies/*.yaml', 'what is wrong, and what is odd'],
        ['policy test tests.yaml', 'expectations, for CI'],
        ['policy diff main.yaml branch.yaml', 'what a change lets pass besides'],
        ['policy suggest --root alice --since 7d -A', 'a policy from what was seen'],
        ['policy replay new.yaml --since 7d -A', 'which decisions would change'],
      ]),
    )
    .action(() => policy.outputHelp())
  addLint(policy, name, start)
  addTest(policy, name, start)
  addDiff(policy, name, start)
  addSuggest(policy, name, start)
  addReplayOf(policy, name, start)
}

function addLint(policy: Command, name: string, start: Start): void {
  const command = policy.command('lint')
  command
    .argument('<files...>', 'YAML or JSON; - is stdin')
    .description('Say what is wrong with policies and what is odd. 1 when one is not valid.')
    .option('--strict', 'fail for what is odd, too')
    .addHelpText(
      'before',
      examples(name, [['policy lint alice.yaml --strict', 'fail for warnings']]),
    )
    .action((files: readonly string[]) =>
      start((context) => runPolicyLint(context, files, command.opts())),
    )
}

function addTest(policy: Command, name: string, start: Start): void {
  policy
    .command('test')
    .argument('<files...>', 'files with objects of the kind PolicyTest')
    .description('Hold policies against expectations. 1 when one does not hold.')
    .addHelpText('before', examples(name, [['policy test tests.yaml', 'for CI']]))
    .action((files: readonly string[]) => start((context) => runPolicyTest(context, files)))
}

function addDiff(policy: Command, name: string, start: Start): void {
  policy
    .command('diff')
    .argument('<before>', 'file with the policies as they are')
    .argument('<after>', 'file with the policies as they would be')
    .description('Compare what policies let pass. 1 when anything passes that did not before.')
    .addHelpText('before', examples(name, [['policy diff main.yaml branch.yaml', 'for a review']]))
    .action((before: string, after: string) =>
      start((context) => runPolicyDiff(context, before, after)),
    )
}

function addSuggest(policy: Command, name: string, start: Start): void {
  const command = policy.command('suggest')
  command
    .description('Write the least AccessPolicy that covers what was seen and passed.')
    .requiredOption('--root <user>', 'user name of a root requester', usable(parseText))
    .addHelpText(
      'before',
      examples(name, [['policy suggest --root alice --since 7d -A > alice.yaml', 'of a week']]),
    )
    .action(() => start((context) => runPolicySuggest(context, command.opts<SuggestOptions>())))
  addSince(command, 'decisions made')
}

function addReplayOf(policy: Command, name: string, start: Start): void {
  const command = policy.command('replay')
  command
    .argument('<files...>', 'policies that would stand in the place of their namesakes')
    .description(
      'Decide again what is on record, by other policies. 1 when a decision would change.',
    )
    .option('--alone', 'leave out what is in force in the cluster')
    .addHelpText('before', examples(name, [['policy replay new.yaml --since 7d -A', 'of a week']]))
    .action((files: readonly string[]) =>
      start((context) => runPolicyReplay(context, files, command.opts<PolicyReplayOptions>())),
    )
  addFilterOptions(command)
}
