import type { Figures } from './figures.ts'
import { type Table, toTables } from './tables.ts'
import { judge } from './verdicts.ts'

/** Tables for people at a terminal. */
export function renderTable(figures: Figures): string {
  const tables = toTables(figures).map(({ title, rows, notes }) =>
    [title, columns(rows), ...notes, ''].join('\n'),
  )
  return [...describeMachine(figures), '', ...tables].join('\n')
}

/** The same tables in Markdown, to be pasted into the README. */
export function renderMarkdown(figures: Figures): string {
  const tables = toTables(figures).map(({ title, rows, notes }) =>
    [`**${title}**`, '', markdownTable(rows), '', ...notes.flatMap((note) => [note, ''])].join(
      '\n',
    ),
  )
  return [describeMachine(figures).join('; '), '', ...tables].join('\n')
}

/** One JSON object a line: each figure, each verdict, each part that failed, and the machine. */
export function renderLines(figures: Figures): string {
  const { machine, parts, failures } = figures
  const plain = flatten(parts).map(([figure, value]) => ({ figure, value }))
  const judged = judge(figures).map(({ figure, measured, must, aim, state }) => ({
    target: figure,
    // JSON has no infinity.
    value: measured !== undefined && Number.isFinite(measured) ? measured : null,
    ...{ must, aim, state },
  }))
  const failed = Object.entries(failures).map(([part, failure]) => ({ part, failure }))
  return [...plain, ...judged, ...failed, { machine }]
    .map((line) => `${JSON.stringify(line)}\n`)
    .join('')
}

function describeMachine({ machine }: Figures): readonly string[] {
  return [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.kernel}`,
    `Node ${machine.node}, Kubernetes ${machine.kubernetes}, ${machine.date}`,
  ]
}

function flatten(value: unknown, path = ''): readonly (readonly [string, unknown])[] {
  if (typeof value !== 'object' || value === null) return [[path, value]]
  return Object.entries(value).flatMap(([key, inner]) =>
    flatten(inner, path === '' ? key : `${path}.${key}`),
  )
}

function markdownTable(rows: Table['rows']): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const [head = [], ...others] = rows
  const rule = `|${head.map(() => '---|').join('')}`
  return [line(head), rule, ...others.map(line)].join('\n')
}

/** Pads to columns; those that hold numbers and their units are aligned to the right. */
function columns(rows: Table['rows']): string {
  const [head = [], ...others] = rows
  const shape = head.map((_, index) => ({
    width: Math.max(...rows.map((row) => row[index]?.length ?? 0)),
    isNumber: others.every((row) => NUMBER.test(row[index] ?? '')),
  }))
  return rows
    .map((row) =>
      shape
        .map(({ width, isNumber }, index) => {
          const cell = row[index] ?? ''
          return isNumber ? cell.padStart(width) : cell.padEnd(width)
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

const NUMBER = /^(?:[-∞\d][\d.,]*(?: \S+)?)?$/
