import type { ObjectList } from '../../api/client/access-client.ts'
import type { Column } from '../../api/columns/column.ts'
import type { AccessObject } from '../../api/objects/access-object.ts'
import { type OutputFormat, objectName, toJson, toJsonLine, toYaml } from './output-format.ts'
import { createTableWriter, type TableWriter } from './table-writer.ts'
import type { Terminal } from './terminal.ts'

/** Of a command's context: how objects are to be written. */
export interface WritingOptions {
  readonly terminal: Terminal
  readonly output: OutputFormat
  readonly allNamespaces: boolean
  readonly headers: boolean
  now(): number
}

/** Writes a whole list in the form that is wanted; `none` says on stderr that there is nothing. */
export function writeList<Item extends AccessObject>(
  options: WritingOptions,
  columns: readonly Column<Item>[],
  list: ObjectList<Item>,
  none: string,
): void {
  const { terminal, output, headers } = options
  if (output === 'json') terminal.out(toJson(list))
  else if (output === 'yaml') terminal.out(toYaml(list))
  else if (output === 'name') terminal.out(list.items.map(objectName).join(''))
  else if (list.items.length === 0) terminal.err(none)
  else {
    const table = tableOf(options, columns, list.items)
    if (headers) terminal.out(`${table.header()}\n`)
    for (const item of list.items) terminal.out(`${table.line(item)}\n`)
  }
}

/** Writes one object after the other, as they come: rows of a table, JSON lines, or names. */
export function createObjectStream<Item extends AccessObject>(
  options: WritingOptions,
  columns: readonly Column<Item>[],
  first: readonly Item[],
): (item: Item) => void {
  const { terminal, output, headers } = options
  if (output === 'json') return (item) => terminal.out(toJsonLine(item))
  if (output === 'name') return (item) => terminal.out(objectName(item))
  const table = tableOf(options, columns, first, true)
  let begun = !headers
  return (item) => {
    if (!begun) terminal.out(`${table.header()}\n`)
    begun = true
    terminal.out(`${table.line(item)}\n`)
  }
}

/** Writes one object, or what was done with it, in the form that is wanted. */
export function writeDone(
  { terminal, output }: Pick<WritingOptions, 'terminal' | 'output'>,
  object: AccessObject,
  done: string,
): void {
  if (output === 'json') terminal.out(toJson(object))
  else if (output === 'yaml') terminal.out(toYaml(object))
  else if (output === 'name') terminal.out(objectName(object))
  else terminal.out(done)
}

function tableOf<Item extends AccessObject>(
  { output, allNamespaces, now }: WritingOptions,
  columns: readonly Column<Item>[],
  items: readonly Item[],
  goesOn = false,
): TableWriter<Item> {
  const namespace = {
    title: 'NAMESPACE',
    usualWidth: 12,
    cell: ({ metadata }: Item) => metadata.namespace,
  }
  const shown = columns.filter(({ priority }) => output === 'wide' || priority === 0)
  const cells = shown.map(({ name, usualWidth, cell }) => ({
    title: name.toUpperCase(),
    usualWidth,
    cell: (item: Item) => String(cell(item, now())),
  }))
  return createTableWriter([...(allNamespaces ? [namespace] : []), ...cells], items, goesOn)
}
