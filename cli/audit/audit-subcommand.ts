import type { Command } from 'commander'
import { Fault } from '../../core/fault.ts'
import { type GlobalOptions, usable } from '../command/global-options.ts'
import type { Start } from '../command/start.ts'
import { examples } from '../command/usage-text.ts'
import { type AuditFlags, addFilterOptions } from './decision-filter.ts'
import { addExport } from './export-subcommand.ts'
import { type AuditOptions, runAudit } from './run-audit.ts'

const LIMIT = 100
const LIMIT_MAX = 100_000

/** Adds `audit`; every filter takes what the table shows. */
export function addAudit(program: Command, name: string, start: Start): void {
  const audit = program.command('audit')
  audit.description('List decisions, newest last; or export them.')
  addFilterOptions(audit)
    .option(
      '--limit <count>',
      'show so many of the newest decisions; 0 shows all',
      usable(parseLimit),
      LIMIT,
    )
    .option('-f, --follow', 'continue with new decisions')
    .addHelpText('before', examples(name, EXAMPLES))
    .action(() => {
      const flags = audit.opts<AuditFlags>()
      const { output } = program.opts<GlobalOptions>()
      if (flags.follow && (output === 'yaml' || output === 'name')) {
        audit.error('error: --follow writes a table or, with -o json, one object a line')
      }
      return start((context) => runAudit(context, toAuditOptions(flags)))
    })
  addExport(program, audit, name, start)
}

const EXAMPLES = [
  ['audit -n team', 'the newest decisions about the pods of a namespace'],
  ['audit -A --effect deny --since 1h', 'refusals of the last hour, in all namespaces'],
  ['audit --root alice --resource pods/exec', "into which pods alice's pods have run commands"],
  ['audit --root alice -f', "what alice's pods do from now on"],
  ['audit --since 7d --limit 0 -o json', 'every decision of a week, as one list object'],
  ['audit export -A --since 7d', 'every decision of a week, a line each: see audit export --help'],
] as const

function parseLimit(text: string): number {
  const limit = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN
  if (limit <= LIMIT_MAX) return limit
  throw new Fault('request_invalid', `want a number from 1 to ${LIMIT_MAX}, or 0 for all`)
}

function toAuditOptions({ follow, ...flags }: AuditFlags): AuditOptions {
  return { ...flags, follow: follow === true }
}
