import { escapeText } from '../../core/escape-text.ts'

/** Spaces between two columns, as kubectl has them. */
const GUTTER = 3

export interface TableColumn<Row> {
  readonly title: string
  /** That ordinary cells fit in, for a table whose rows are not known when it begins. */
  readonly usualWidth?: number
  cell(row: Row): string
}

/** Lines of a table without borders: upper-case heads, left-aligned, nothing after the last cell. */
export interface TableWriter<Row> {
  header(): string
  line(row: Row): string
}

/**
 * Widths are those of `rows`, and at least the usual ones when the table goes on; rows that come
 * later and are longer push their own line out, as in `kubectl get -w`.
 */
export function createTableWriter<Row>(
  columns: readonly TableColumn<Row>[],
  rows: readonly Row[],
  goesOn = false,
): TableWriter<Row> {
  const widths = columns.map(({ title, usualWidth = 0, cell }) =>
    rows.reduce(
      (widest, row) => Math.max(widest, width(escapeText(cell(row)))),
      Math.max(goesOn ? usualWidth : 0, width(title)),
    ),
  )
  const join = (cells: readonly string[]) =>
    cells
      .map(
        (cell, index) =>
          cell + ' '.repeat(Math.max(0, (widths[index] ?? 0) - width(cell)) + GUTTER),
      )
      .join('')
      .trimEnd()
  return {
    header: () => join(columns.map(({ title }) => title)),
    line: (row) => join(columns.map(({ cell }) => escapeText(cell(row)))),
  }
}

/** Code points, as kubectl counts them. */
function width(text: string): number {
  return [...text].length
}
