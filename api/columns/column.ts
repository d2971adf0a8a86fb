/** One column of a Table. Priority 0 is shown always, 1 with `-o wide`. */
export interface Column<Item> {
  readonly name: string
  readonly type: 'string' | 'integer'
  readonly format: '' | 'name'
  readonly description: string
  readonly priority: 0 | 1
  /** Characters that ordinary cells fit in, for a table whose rows are not known when it begins. */
  readonly usualWidth: number
  /** `nowMs` is Unix milliseconds, for ages. */
  cell(object: Item, nowMs: number): string | number
}

type ColumnOptions = Partial<Pick<Column<unknown>, 'type' | 'format' | 'priority' | 'usualWidth'>>

/** A column of text that is always shown, unless `options` say otherwise. */
export function column<Item>(
  name: string,
  description: string,
  cell: Column<Item>['cell'],
  options: ColumnOptions = {},
): Column<Item> {
  return {
    name,
    description,
    cell,
    type: 'string',
    format: '',
    priority: 0,
    usualWidth: 0,
    ...options,
  }
}
