import { expect, test } from 'vitest'
import { createTableWriter } from './table-writer.ts'

interface Row {
  readonly name: string
  readonly note: string
}

const COLUMNS = [
  { title: 'NAME', cell: ({ name }: Row) => name },
  { title: 'NOTE', cell: ({ note }: Row) => note },
]

test('createTableWriter() aligns by the widest cell and ends lines without spaces', () => {
  const rows = [
    { name: 'zoë', note: '' },
    { name: 'longer', note: 'x' },
  ]
  const table = createTableWriter(COLUMNS, rows)
  expect([table.header(), ...rows.map(table.line)]).toEqual(['NAME     NOTE', 'zoë', 'longer   x'])
})

test('createTableWriter() escapes what a terminal would obey', () => {
  const row = { name: 'a\u001b[2J', note: 'b' }
  expect(createTableWriter(COLUMNS, [row]).line(row)).toBe('a\\x1b[2J   b')
})

test('createTableWriter() of rows to come has the usual width of each column', () => {
  const columns = COLUMNS.map((column) => ({ ...column, usualWidth: 6 }))
  const row = { name: 'a', note: 'b' }
  expect(createTableWriter(columns, [], true).line(row)).toBe('a        b')
  expect(createTableWriter(columns, [row]).line(row)).toBe('a      b')
})
