import type { AuditEventObject } from '../../core/access-objects.ts'
import { fieldSelector, listAuditEvents, type ObjectList } from '../access-client.ts'
import { followAuditEvents } from '../audit-follow.ts'
import { auditColumns } from '../audit-table.ts'
import type { CommandContext } from '../command-context.ts'
import { escapeText } from '../escape-text.ts'
import { toJson, toJsonLine, toYaml } from '../output-format.ts'
import { createTableWriter, type TableWriter } from '../table-writer.ts'

export interface AuditOptions {
  readonly pod?: string
  readonly root?: string
  readonly effect?: 'Allow' | 'Deny'
  readonly verb?: string
  readonly resource?: string
  /** `--since`, in milliseconds before now. */
  readonly sinceMs?: number
  readonly limit: number
  readonly follow: boolean
}

/** Most decisions that `--limit` may ask for: one page of the API. */
export const AUDIT_LIMIT_MAX = 500

/** `audit`: the newest decisions, newest last, and with `--follow` those that come. */
export async function runAudit(context: CommandContext, options: AuditOptions): Promise<number> {
  const { client, allNamespaces } = context
  const scope = allNamespaces ? undefined : client.namespace
  const selector = fieldSelector({
    'spec.pod': options.pod,
    'spec.rootRequester': options.root,
    'spec.effect': options.effect,
    'spec.verb': options.verb,
    'spec.resource': options.resource,
  })
  const list = await listAuditEvents(client, scope, {
    fieldSelector: selector,
    tail: String(options.limit),
    sinceTime:
      options.sinceMs === undefined
        ? undefined
        : new Date(Math.max(0, context.now() - options.sinceMs)).toISOString(),
  })
  if (!options.follow) {
    showList(context, list, selector !== undefined || options.sinceMs !== undefined)
    return 0
  }
  const show = createStreamWriter(context, list.items)
  for (const event of list.items) show(event)
  await followAuditEvents(context, { scope, selector, list, show })
  return 0
}

function showList(
  context: CommandContext,
  list: ObjectList<AuditEventObject>,
  narrowed: boolean,
): void {
  const { terminal, output, headers } = context
  if (output === 'json') {
    terminal.out(toJson(list))
  } else if (output === 'yaml') {
    terminal.out(toYaml(list))
  } else if (list.items.length === 0) {
    const place = escapeText(context.client.namespace)
    const where = context.allNamespaces ? '' : ` in ${place} namespace`
    terminal.err(`No ${narrowed ? 'such ' : ''}decisions found${where}.\n`)
  } else {
    const table = createAuditTable(context, list.items)
    if (headers) terminal.out(`${table.header()}\n`)
    for (const event of list.items) terminal.out(`${colored(context, event, table.line(event))}\n`)
  }
}

/** Writes one decision after another: as JSON lines, or as lines of one table. */
function createStreamWriter(
  context: CommandContext,
  first: readonly AuditEventObject[],
): (event: AuditEventObject) => void {
  const { terminal, output, headers } = context
  if (output === 'json') return (event) => terminal.out(toJsonLine(event))
  const table = createAuditTable(context, first)
  if (headers) terminal.out(`${table.header()}\n`)
  return (event) => terminal.out(`${colored(context, event, table.line(event))}\n`)
}

/** Widths that ordinary names fit in, since the rows to come are not known. */
const FOLLOW_WIDTHS = [20, 10, 6, 12, 16, 16, 14, 6, 26]

function createAuditTable(
  { utc, allNamespaces, output }: CommandContext,
  rows: readonly AuditEventObject[],
): TableWriter<AuditEventObject> {
  const columns = auditColumns({ utc, allNamespaces, wide: output === 'wide' })
  return createTableWriter(columns, rows, rows.length === 0 ? FOLLOW_WIDTHS : [])
}

function colored({ terminal }: CommandContext, { spec }: AuditEventObject, line: string): string {
  return spec.effect === 'Deny' ? terminal.style(spec.observed ? 'yellow' : 'red', line) : line
}
