import type { ObjectList } from '../../api/client/access-client.ts'
import { type DecisionQuery, readEvery, readNewest } from '../../api/client/read-decisions.ts'
import type { AuditEventObject } from '../../api/objects/access-objects.ts'
import { escapeText } from '../../core/escape-text.ts'
import type { CommandContext } from '../command/command-context.ts'
import { createProgress } from '../terminal/progress.ts'
import { followAuditEvents } from './audit-follow.ts'
import { type DecisionFilter, toSelection } from './decision-filter.ts'
import { createListWriter, createStreamWriter } from './decision-writer.ts'
import { createShownDecisions } from './shown-decisions.ts'

export interface AuditOptions extends DecisionFilter {
  /** 0 for all. */
  readonly limit: number
  readonly follow: boolean
}

/** `audit`: the newest decisions, newest last, and with `--follow` those that come. */
export async function runAudit(context: CommandContext, options: AuditOptions): Promise<number> {
  const { output } = context
  const query = toQuery(context, options)
  const shown = createShownDecisions(output === 'json', context.now())
  const writer = options.follow ? createStreamWriter(context) : createListWriter(context)
  let count = 0
  let last: ObjectList<AuditEventObject> | undefined
  for await (const page of pagesOf(context, query, options.limit)) {
    writer.page(page)
    count += page.items.length
    if (options.follow) for (const event of page.items) shown.add(event)
    last = page
  }
  writer.end()
  tellWhatIsMissing(context, options, count)
  if (!options.follow || last === undefined) return 0
  const list = last
  await followAuditEvents(context, {
    query,
    revision: list.metadata.resourceVersion,
    shown,
    show: (event) => writer.page({ ...list, items: [event] }),
  })
  return 0
}

function toQuery(context: CommandContext, options: AuditOptions): DecisionQuery {
  return { ...toSelection(context, options), progress: createProgress(context.terminal) }
}

async function* pagesOf(
  { client }: CommandContext,
  query: DecisionQuery,
  limit: number,
): AsyncGenerator<ObjectList<AuditEventObject>, void> {
  if (limit === 0) yield* readEvery(client, query)
  else yield await readNewest(client, query, limit)
}

/** An empty list, or one that may not be whole, must not be taken for the whole truth. */
function tellWhatIsMissing(context: CommandContext, options: AuditOptions, count: number): void {
  const { terminal, output, client, allNamespaces } = context
  if (count > 0 && count === options.limit) {
    terminal.err(`These are the newest ${count} decisions: --limit 0 shows older ones, too.\n`)
  }
  if (count > 0 || options.follow || output === 'json' || output === 'yaml') return
  const { pod, root, effect, verb, resource, since } = options
  const narrowed = [pod, root, effect, verb, resource, since].some((value) => value !== undefined)
  const where = allNamespaces ? '' : ` in ${escapeText(client.namespace)} namespace`
  const hint =
    resource === undefined
      ? ''
      : ' Resources have their plural names, as in secrets, deployments.apps or pods/exec.'
  terminal.err(`No ${narrowed ? 'such ' : ''}decisions found${where}.${hint}\n`)
}
