import { type Command, Option } from 'commander'
import { Fault } from '../core/fault.ts'
import type { CommandContext } from './command-context.ts'
import { AUDIT_LIMIT_MAX, runAudit } from './commands/audit.ts'
import { runChain } from './commands/chain.ts'
import { runCheck } from './commands/check.ts'
import { runExplain } from './commands/explain.ts'
import { type GlobalOptions, usable } from './global-options.ts'
import { parseDuration } from './time-text.ts'
import { examples } from './usage-text.ts'

const AUDIT_LIMIT = 100

/** Prepares what a command needs, runs it, and keeps its exit code. */
export type Start = (run: (context: CommandContext) => Promise<number>) => Promise<void>

export function addSubcommands(program: Command, name: string, start: Start): void {
  addChain(program, name, start)
  addAudit(program, name, start)
  addExplain(program, name, start)
  addCheck(program, name, start)
}

function addChain(program: Command, name: string, start: Start): void {
  program
    .command('chain')
    .argument('<pod>', 'name of a pod')
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
    .argument('<id>', 'id of the decision, or its beginning')
    .description('Explain one decision: the request, the chain, who refused and why, the outcome.')
    .addHelpText(
      'before',
      examples(name, [
        ['explain 01M83XJ9780000000000000001', 'as the message of a refusal has it'],
        ['explain 01m83xj97', 'the beginning is enough when no other id has it'],
      ]),
    )
    .action((id: string) => start((context) => runExplain(context, id)))
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
    .action(() => start((context) => runCheck(context, program.opts<GlobalOptions>().namespace)))
}

interface AuditFlags {
  readonly pod?: string
  readonly root?: string
  readonly effect?: 'allow' | 'deny'
  readonly verb?: string
  readonly resource?: string
  readonly since?: number
  readonly limit: number
  readonly follow?: boolean
}

function addAudit(program: Command, name: string, start: Start): void {
  const audit = program.command('audit')
  audit
    .description('List decisions, newest last.')
    .option('--pod <name>', 'only those about this pod')
    .option('--root <user>', 'only those for this root requester')
    .addOption(new Option('--effect <effect>', 'only these').choices(['allow', 'deny']))
    .option('--verb <verb>', 'only requests with this verb')
    .option('--resource <resource>', 'only requests for this resource, such as secrets')
    .option('--since <duration>', 'only those of the last 10m, 2h, 7d …', usable(parseDuration))
    .option('--limit <count>', 'the newest so many', usable(parseLimit), AUDIT_LIMIT)
    .option('-f, --follow', 'go on with those that come')
    .addHelpText(
      'before',
      examples(name, [
        ['audit -n team', 'the newest decisions about the pods of a namespace'],
        ['audit -A --effect deny --since 1h', 'what was refused in the last hour, anywhere'],
        ['audit --root alice -f', "what alice's pods do from now on"],
        ['audit -o json --limit 500', 'one list object'],
      ]),
    )
    .action(() => {
      const flags = audit.opts<AuditFlags>()
      if (flags.follow && program.opts<GlobalOptions>().output === 'yaml') {
        audit.error('error: --follow writes a table or, with -o json, one object a line')
      }
      return start((context) => runAudit(context, toAuditOptions(flags)))
    })
}

function parseLimit(text: string): number {
  const limit = /^\d{1,6}$/.test(text) ? Number(text) : 0
  if (limit >= 1 && limit <= AUDIT_LIMIT_MAX) return limit
  throw new Fault('request_invalid', `want a number from 1 to ${AUDIT_LIMIT_MAX}`)
}

function toAuditOptions(flags: AuditFlags): Parameters<typeof runAudit>[1] {
  const { pod, root, effect, verb, resource, since, limit, follow } = flags
  return {
    ...(pod === undefined ? {} : { pod }),
    ...(root === undefined ? {} : { root }),
    ...(effect === undefined ? {} : { effect: effect === 'allow' ? 'Allow' : 'Deny' }),
    ...(verb === undefined ? {} : { verb }),
    ...(resource === undefined ? {} : { resource }),
    ...(since === undefined ? {} : { sinceMs: since }),
    limit,
    follow: follow === true,
  }
}
