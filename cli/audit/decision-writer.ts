import type { ObjectList } from '../../api/client/access-client.ts'
import type { AuditEventObject } from '../../api/objects/access-objects.ts'
import type { CommandContext } from '../command/command-context.ts'
import { objectName, toJson, toJsonLine, toYaml } from '../terminal/output-format.ts'
import { createTableWriter, type TableWriter } from '../terminal/table-writer.ts'
import { auditColumns } from './audit-table.ts'

type DecisionList = ObjectList<AuditEventObject>

/** Writes decisions as they are read, so that a list of any length fits into memory. */
export interface DecisionWriter {
  page(list: DecisionList): void
  /** After the last page; there is always one. */
  end(): void
}

/** For a list that ends: one object as JSON or YAML, else lines. */
export function createListWriter(context: CommandContext): DecisionWriter {
  switch (context.output) {
    case 'json':
      return createDocumentWriter(context, JSON_DOCUMENT)
    case 'yaml':
      return createDocumentWriter(context, YAML_DOCUMENT)
    case 'name':
      return {
        page: ({ items }) => context.terminal.out(items.map(objectName).join('')),
        end: () => {},
      }
    default:
      return createTableOfDecisions(context, false)
  }
}

/** For decisions that go on to come: JSON lines, or lines of one table. */
export function createStreamWriter(context: CommandContext): DecisionWriter {
  if (context.output !== 'json') return createTableOfDecisions(context, true)
  return {
    page: ({ items }) => {
      for (const event of items) context.terminal.out(toJsonLine(event))
    },
    end: () => {},
  }
}

/** How a list object is written piece by piece: what stands before, between and after its items. */
interface DocumentForm {
  whole(list: DecisionList): string
  /** Cut from the end of an empty list to write items into it. */
  readonly cut: string
  item(event: AuditEventObject, first: boolean): string
  readonly end: string
}

const JSON_DOCUMENT: DocumentForm = {
  whole: toJson,
  cut: ']\n}\n',
  item: (event, first) => `${first ? '' : ','}\n${indent(toJson(event).trimEnd(), 8)}`,
  end: '\n    ]\n}\n',
}

const YAML_DOCUMENT: DocumentForm = {
  whole: toYaml,
  cut: ' []\n',
  item: (event, first) => `${first ? '\n' : ''}${indent(toYaml([event]), 2)}`,
  end: '',
}

function createDocumentWriter({ terminal }: CommandContext, form: DocumentForm): DecisionWriter {
  let head: string | undefined
  let empty = true
  return {
    page(list) {
      if (head === undefined) {
        head = form.whole({ ...list, items: [] })
        terminal.out(head.slice(0, -form.cut.length))
      }
      for (const event of list.items) {
        terminal.out(form.item(event, empty))
        empty = false
      }
    },
    end() {
      terminal.out(empty ? form.cut : form.end)
    },
  }
}

function indent(text: string, spaces: number): string {
  return text.replaceAll(/^(?=.)/gm, ' '.repeat(spaces))
}

/** Widths are those of the first page, and of ordinary names when more lines will come. */
function createTableOfDecisions(context: CommandContext, goesOn: boolean): DecisionWriter {
  const { terminal, headers, utc, allNamespaces, output, now } = context
  const columns = auditColumns({ utc, allNamespaces, wide: output === 'wide', now })
  let table: TableWriter<AuditEventObject> | undefined
  return {
    page({ items }) {
      if (items.length === 0 && !goesOn) return
      if (table === undefined) {
        table = createTableWriter(columns, items, goesOn)
        if (headers) terminal.out(`${table.header()}\n`)
      }
      for (const event of items) {
        terminal.out(`${colored(context, event, table.line(event))}\n`)
      }
    },
    end: () => {},
  }
}

function colored({ terminal }: CommandContext, { spec }: AuditEventObject, line: string): string {
  if (spec.effect === 'Allow') return line
  return terminal.style(spec.effect === 'Hold' || spec.observed ? 'yellow' : 'red', line)
}
