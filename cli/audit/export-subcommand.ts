import { type Command, Help, Option } from 'commander'
import { AUDIT_FORMS, type AuditFormName } from '../../api/forms/audit-form.ts'
import { type Moment, parseMoment } from '../../core/moment.ts'
import { parseWholeId } from '../arguments/decision-id.ts'
import { parseText } from '../arguments/object-name.ts'
import { type GlobalOptions, usable } from '../command/global-options.ts'
import type { Start } from '../command/start.ts'
import { examples } from '../command/usage-text.ts'
import type { AuditFlags } from './decision-filter.ts'
import { runExport } from './run-export.ts'

interface ExportFlags {
  readonly until?: Moment
  readonly format: AuditFormName
  readonly outputFile?: string
  readonly resume?: boolean
  readonly after?: string
}

/** Adds `audit export` to `audit`; `name` is how the program is called, `start` runs a command. */
export function addExport(program: Command, audit: Command, name: string, start: Start): void {
  const command = audit.command('export')
  command
    .description(
      'Write decisions as JSON lines, one decision a line, in the order in which they were recorded. Ends with the decisions that were on record when the export began.',
    )
    .option('--until <when>', 'only decisions made before then', usable(parseMoment))
    .addOption(
      new Option(
        '--format <format>',
        'lanyard: as the API has it; audit.k8s.io: Event of v1; ocsf: API Activity',
      )
        .choices(Object.keys(AUDIT_FORMS))
        .default('lanyard'),
    )
    .option('--output-file <file>', 'write to this file instead of to stdout', usable(parseText))
    .option(
      '--resume',
      'continue the file after its last decision; an incomplete last line is cut off',
    )
    .option(
      '--after <id>',
      'only decisions recorded after this decision, where a stopped export ended',
      usable(parseWholeId),
    )
    .configureHelp(helpWithFilters(audit))
    .addHelpText('before', examples(name, EXAMPLES))
    .addHelpText('after', MORE)
    .action(() => {
      // Commander gives an option of both to the outer command, so filters are options of it alone.
      const { limit: _limit, follow, ...filter } = audit.opts<AuditFlags>()
      const flags = { ...filter, ...command.opts<ExportFlags>() }
      if (follow || audit.getOptionValueSource('limit') === 'cli') {
        command.error(
          'error: audit export ends by itself and has no limit: leave out --follow and --limit',
        )
      }
      const { output } = program.opts<GlobalOptions>()
      if (output !== undefined && output !== 'json') {
        command.error('error: audit export writes JSON lines; --format chooses the form of a line')
      }
      if (flags.resume && flags.outputFile === undefined) {
        command.error(
          'error: --resume needs --output-file; an export to stdout continues with --after ID',
        )
      }
      if (flags.resume && flags.after !== undefined) {
        command.error('error: --resume finds in the file where to continue; leave out --after')
      }
      return start((context) => runExport(context, { ...flags, resume: flags.resume === true }))
    })
}

const EXAMPLES = [
  ['audit export -A --since 30d --output-file audit.jsonl', 'a month, all namespaces'],
  [
    'audit export -A --since 30d --output-file audit.jsonl --resume',
    'the rest, after the export was stopped',
  ],
  ['audit export -A --since 2026-11-01 --until 2026-12-01', 'a month by the calendar, to stdout'],
  ['audit export -n team --effect deny --format ocsf', 'refusals of a namespace, for a SIEM'],
] as const

const MORE = `
A decision whose request still runs is exported without outcome, once. Give the same filters again when you continue.`

/** Shows the filters of `audit` among the options of `export`, and nothing else of `audit`. */
function helpWithFilters(audit: Command): Partial<Help> {
  const help = new Help()
  help.showGlobalOptions = true
  const others = ['limit', 'follow', 'help']
  return {
    showGlobalOptions: true,
    visibleOptions: (command) => [
      ...audit.options.filter((option) => !others.includes(option.attributeName())),
      ...help.visibleOptions(command),
    ],
    visibleGlobalOptions: (command) =>
      help.visibleGlobalOptions(command).filter((option) => !audit.options.includes(option)),
  }
}
