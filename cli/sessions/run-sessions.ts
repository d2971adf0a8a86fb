import type { ObjectList } from '../../api/client/access-client.ts'
import { listSessions } from '../../api/client/session-client.ts'
import { SESSION_COLUMNS } from '../../api/columns/session-columns.ts'
import type { SessionObject } from '../../api/objects/session-object.ts'
import { escapeText } from '../../core/escape-text.ts'
import type { CommandContext } from '../command/command-context.ts'
import { writeList } from '../terminal/object-writer.ts'
import { type SessionFilter, toSelection } from './session-filter.ts'

/** `sessions`: recorded sessions, oldest first. */
export async function runSessions(context: CommandContext, filter: SessionFilter): Promise<number> {
  const { allNamespaces, client } = context
  const items: SessionObject[] = []
  let first: ObjectList<SessionObject> | undefined
  for await (const page of listSessions(client, toSelection(context, filter))) {
    first ??= page
    items.push(...page.items)
  }
  if (first === undefined) return 0
  const { resourceVersion } = first.metadata
  const where = allNamespaces ? '' : ` in ${escapeText(client.namespace)} namespace`
  const list = { ...first, metadata: { resourceVersion }, items }
  writeList(context, SESSION_COLUMNS, list, `No recorded sessions found${where}.\n`)
  return 0
}
