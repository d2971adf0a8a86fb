/** One column of a Table. Priority 0 is shown always, 1 with `-o wide`. */
export interface Column<Item> {
  readonly name: string
  readonly type: 'string' | 'integer'
  readonly format: '' | 'name'
  readonly description: string
  readonly priority: 0 | 1
  cell(object: Item, nowMs: number): string | number
}

/** A column of text that is always shown, unless `options` say otherwise. */
export function column<Item>(
  name: string,
  description: string,
  cell: Column<Item>['cell'],
  options: Partial<Pick<Column<Item>, 'type' | 'format' | 'priority'>> = {},
): Column<Item> {
  return { name, description, cell, type: 'string', format: '', priority: 0, ...options }
}
