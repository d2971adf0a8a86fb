import type { ObjectList } from '../../api/client/access-client.ts'
import { listSessions } from '../../api/client/session-client.ts'
import { SESSION_COLUMNS } from '../../api/columns/session-columns.ts'
import type { SessionObject } from '../../api/objects/session-object.ts'
import { escapeText } from '../../core/escape-text.ts'
import type { CommandContext } from '../command/command-context.ts'
import { objectName, toJson, toYaml } from '../terminal/output-format.ts'
import { createTableWriter } from '../terminal/table-writer.ts'
import { type SessionFilter, toSelection } from './session-filter.ts'

/** `sessions`: recorded sessions, oldest first. */
export async function runSessions(context: CommandContext, filter: SessionFilter): Promise<number> {
  const { terminal, output, allNamespaces, client } = context
  const items: SessionObject[] = []
  let first: ObjectList<SessionObject> | undefined
  for await (const page of listSessions(client, toSelection(context, filter))) {
    first ??= page
    items.push(...page.items)
  }
  if (first !== undefined && (output === 'json' || output === 'yaml')) {
    const { resourceVersion } = first.metadata
    const list = { ...first, metadata: { resourceVersion }, items }
    terminal.out(output === 'json' ? toJson(list) : toYaml(list))
  } else if (output === 'name') {
    terminal.out(items.map(objectName).join(''))
  } else if (items.length === 0) {
    const where = allNamespaces ? '' : ` in ${escapeText(client.namespace)} namespace`
    terminal.err(`No recorded sessions found${where}.\n`)
  } else {
    writeTable(context, items)
  }
  return 0
}

function writeTable(context: CommandContext, items: readonly SessionObject[]): void {
  const { terminal, headers, output, allNamespaces, now } = context
  const shown = SESSION_COLUMNS.filter(({ priority }) => output === 'wide' || priority === 0)
  const namespace = {
    title: 'NAMESPACE',
    cell: ({ metadata }: SessionObject) => metadata.namespace,
  }
  const columns = shown.map(({ name, cell }) => ({
    title: name.toUpperCase(),
    cell: (session: SessionObject) => String(cell(session, now())),
  }))
  const table = createTableWriter([...(allNamespaces ? [namespace] : []), ...columns], items)
  if (headers) terminal.out(`${table.header()}\n`)
  for (const session of items) terminal.out(`${table.line(session)}\n`)
}
