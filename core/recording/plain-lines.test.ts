import { describe, expect, test } from 'vitest'
import { PlainLines } from './plain-lines.ts'

describe('PlainLines', () => {
  test.each<[string, readonly string[], readonly string[]]>([
    ['nothing', [], ['']],
    ['lines', ['a\r\nb\n', 'c'], ['a', 'b', 'c']],
    ['colours within a word', ['pass\x1b[31mw', '\x1b[0mord\n'], ['password', '']],
    ['a word over two pieces', ['se', 'cret\n'], ['secret', '']],
    ['a typing error', ['ls -x\b \bl\r\n'], ['ls -l', '']],
    ['a title', ['\x1b]0;secret\x07text'], ['text']],
    ['a tab', ['a\tb'], ['a\tb']],
  ])('of %s', (_what, pieces, want) => {
    const lines = new PlainLines()
    expect([...pieces.flatMap((piece) => lines.push(piece)), lines.end()]).toEqual(want)
  })

  test('cuts a line that has no end', () => {
    const lines = new PlainLines()
    expect(lines.push('x'.repeat(40_000)).map(({ length }) => length)).toEqual([16_384, 16_384])
    expect(lines.end()).toHaveLength(40_000 - 2 * 16_384)
  })
})
