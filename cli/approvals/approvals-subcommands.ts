import { type Command, Option } from 'commander'
import { SCOPES } from '../../core/approvals/approval.ts'
import { parseDuration } from '../../core/duration.ts'
import { parseWholeId } from '../arguments/decision-id.ts'
import { parsePodName, parseText } from '../arguments/object-name.ts'
import { type GlobalOptions, usable } from '../command/global-options.ts'
import type { Start } from '../command/start.ts'
import { examples } from '../command/usage-text.ts'
import {
  type ApproveOptions,
  type CancelOptions,
  type DenyOptions,
  runApprove,
  runCancel,
  runDeny,
} from './run-answer.ts'
import {
  runShowRequest,
  runWaitRequest,
  type ShowOptions,
  type WaitOptions,
} from './run-request.ts'
import {
  type ApprovalFilter,
  type RequestsOptions,
  runGrants,
  runRequests,
} from './run-requests.ts'

const ID = '01m83xj9780000000000000001'
const WAIT_MS = 45_000

/** Adds `requests`, `request`, `approve`, `deny`, `cancel` and `grants`. */
export function addApprovals(program: Command, name: string, start: Start): void {
  addRequests(program, name, start)
  addRequest(program, name, start)
  addApprove(program, name, start)
  addDeny(program, name, start)
  addCancel(program, name, start)
  addGrants(program, name, start)
}

function addFilter(command: Command, what: string): Command {
  return command
    .option('--pod <name>', `only ${what} of this pod`, usable(parsePodName))
    .option('--root <user>', `only ${what} for this root requester`, usable(parseText))
}

function addRequests(program: Command, name: string, start: Start): void {
  const command = program.command('requests')
  command.description('List requests that wait for an approval.')
  addFilter(command, 'requests')
    .option('--all', 'also those that were answered or expired')
    .option('-w, --watch', 'continue with what changes')
    .addHelpText(
      'before',
      examples(name, [
        ['requests -A', 'what waits, in all namespaces'],
        ['requests -n team -w', 'the same, and what changes from then on'],
        ['requests --root alice --all', 'what was ever held for alice and is on record'],
      ]),
    )
    .action(() => {
      const options = command.opts<RequestsOptions>()
      if (options.watch === true && program.opts<GlobalOptions>().output === 'yaml') {
        command.error('error: --watch writes a table, names or, with -o json, one object a line')
      }
      return start((context) => runRequests(context, options))
    })
}

function addRequest(program: Command, name: string, start: Start): void {
  const request = program.command('request')
  request.description('Show one held request, or wait until it was answered.')
  const show = request.command('show')
  show
    .argument('<request>', 'id of a request', usable(parseWholeId))
    .description(
      'Show who asks for what, for whom and why, the exact bytes, what an approval would allow, and what you may do.',
    )
    .option('--full', 'all of the body')
    .addHelpText('before', examples(name, [[`request show ${ID}`, 'before you approve']]))
    .action((id: string) =>
      start((context) => runShowRequest(context, id, show.opts<ShowOptions>())),
    )
  const wait = request.command('wait')
  wait
    .argument('<request>', 'id of a request', usable(parseWholeId))
    .description('Wait for an answer. Exits 0 when approved, 3 when it still waits, 4 otherwise.')
    .addOption(
      new Option('--timeout <duration>', 'how long to wait')
        .argParser(usable(parseDuration))
        .default(WAIT_MS, '45s'),
    )
    .addHelpText('before', examples(name, [[`request wait ${ID} --timeout 10m`, 'in a script']]))
    .action((id: string) =>
      start((context) => runWaitRequest(context, id, wait.opts<WaitOptions>())),
    )
}

function addApprove(program: Command, name: string, start: Start): void {
  const command = program.command('approve')
  command
    .argument('<request>', 'id of a request', usable(parseWholeId))
    .description('Approve a held request. Exits 3 when others have to approve too.')
    .addOption(
      new Option('--scope <scope>', 'how much: this request once, its command again, or its rule')
        .choices(SCOPES)
        .default('request'),
    )
    .option('--reason <text>', 'reason for the record; some rules want one', usable(parseText))
    .addHelpText(
      'before',
      examples(name, [
        [`approve ${ID}`, 'these bytes, once'],
        [`approve ${ID} --scope command --reason INC-7`, 'again, while the grant lives'],
      ]),
    )
    .action((id: string) =>
      start((context) => runApprove(context, id, command.opts<ApproveOptions>())),
    )
}

function addDeny(program: Command, name: string, start: Start): void {
  const command = program.command('deny')
  command
    .argument('<request>', 'id of a request', usable(parseWholeId))
    .description('Deny a held request, for good.')
    .requiredOption('--reason <text>', 'reason that the caller reads', usable(parseText))
    .addHelpText(
      'before',
      examples(name, [[`deny ${ID} --reason "use staging"`, 'the caller reads it']]),
    )
    .action((id: string) => start((context) => runDeny(context, id, command.opts<DenyOptions>())))
}

function addCancel(program: Command, name: string, start: Start): void {
  const command = program.command('cancel')
  command
    .argument('<request>', 'id of a request', usable(parseWholeId))
    .description('Take back a request that is held for you.')
    .option('--reason <text>', 'reason for the record', usable(parseText))
    .addHelpText('before', examples(name, [[`cancel ${ID}`, 'your agent asked for too much']]))
    .action((id: string) =>
      start((context) => runCancel(context, id, command.opts<CancelOptions>())),
    )
}

function addGrants(program: Command, name: string, start: Start): void {
  const command = program.command('grants')
  command.description('List what approvals allow now.')
  addFilter(command, 'grants')
    .addHelpText(
      'before',
      examples(name, [
        ['grants -A', 'in all namespaces'],
        [`revoke --grant ${ID} --reason "done"`, 'end one of them'],
      ]),
    )
    .action(() => start((context) => runGrants(context, command.opts<ApprovalFilter>())))
}
