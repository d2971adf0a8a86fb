import { type Command, Option } from 'commander'
import type { EffectWord } from '../../api/objects/access-objects.ts'
import { parseDuration } from '../../core/duration.ts'
import { Fault } from '../../core/fault.ts'
import { parsePodName, parseText } from '../arguments/object-name.ts'
import { parseResourceFilter, type ResourceFilter } from '../arguments/resource-filter.ts'
import { type GlobalOptions, usable } from '../command/global-options.ts'
import type { Start } from '../command/start.ts'
import { examples } from '../command/usage-text.ts'
import { type AuditOptions, runAudit } from './run-audit.ts'

const LIMIT = 100
const LIMIT_MAX = 100_000

interface AuditFlags {
  readonly pod?: string
  readonly root?: string
  readonly effect?: EffectWord
  readonly verb?: string
  readonly resource?: ResourceFilter
  readonly since?: number
  readonly limit: number
  readonly follow?: boolean
}

/** Adds `audit`; every filter takes what the table shows. */
export function addAudit(program: Command, name: string, start: Start): void {
  const audit = program.command('audit')
  audit
    .description('List decisions, newest last.')
    .option('--pod <name>', 'only those about this pod', usable(parsePodName))
    .option('--root <user>', 'only those for this root requester', usable(parseText))
    .addOption(
      new Option('--effect <effect>', 'only these')
        .choices(['allow', 'hold', 'deny'])
        .argParser(usable(parseEffect)),
    )
    .option('--verb <verb>', 'only requests with this verb', usable(parseText))
    .option(
      '--resource <resource>',
      'only requests for this resource, as it is listed: secrets, deployments.apps, pods/exec',
      usable(parseResourceFilter),
    )
    .option('--since <duration>', 'only those of the last 10m, 2h, 7d …', usable(parseDuration))
    .option('--limit <count>', 'the newest so many; 0 shows all', usable(parseLimit), LIMIT)
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
}

const EXAMPLES = [
  ['audit -n team', 'the newest decisions about the pods of a namespace'],
  ['audit -A --effect deny --since 1h', 'what was refused in the last hour, anywhere'],
  ['audit --root alice --resource pods/exec', "into which pods alice's pods have run commands"],
  ['audit --root alice -f', "what alice's pods do from now on"],
  ['audit --since 7d --limit 0 -o json', 'every decision of a week, as one list object'],
] as const

function parseEffect(text: string): EffectWord {
  const effect = (['Allow', 'Hold', 'Deny'] as const).find(
    (candidate) => candidate.toLowerCase() === text.toLowerCase(),
  )
  if (effect !== undefined) return effect
  throw new Fault('request_invalid', 'want allow, hold or deny')
}

function parseLimit(text: string): number {
  const limit = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN
  if (limit <= LIMIT_MAX) return limit
  throw new Fault('request_invalid', `want a number from 1 to ${LIMIT_MAX}, or 0 for all`)
}

function toAuditOptions({ since, follow, ...flags }: AuditFlags): AuditOptions {
  return {
    ...flags,
    ...(since === undefined ? {} : { sinceMs: since }),
    follow: follow === true,
  }
}
