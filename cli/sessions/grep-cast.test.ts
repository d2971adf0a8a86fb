import { describe, expect, test } from 'vitest'
import { grepCast } from './grep-cast.ts'

const HEADER = '{"version": 3, "term": {"cols": 80, "rows": 24}}\n'

async function grep(word: string, ...events: readonly unknown[]): Promise<readonly string[]> {
  const file = HEADER + events.map((event) => `${JSON.stringify(event)}\n`).join('')
  async function* pieces() {
    for (const byte of Buffer.from(file)) yield new Uint8Array([byte])
  }
  const found: string[] = []
  for await (const each of grepCast(pieces(), (line) => line.includes(word))) {
    found.push(`${each.atUs / 1_000_000} ${each.stream}: ${each.line}`)
  }
  return found
}

describe('grepCast()', () => {
  test.each<[string, readonly unknown[], readonly string[]]>([
    ['a line', [[1, 'o', 'my password is\r\n']], ['1 output: my password is']],
    [
      'a word over two events',
      [
        [1, 'o', 'pass'],
        [1, 'o', 'word\n'],
      ],
      ['2 output: password'],
    ],
    ['colours in the word', [[1, 'o', 'pass\x1b[1mword\x1b[0m\n']], ['1 output: password']],
    [
      'a word that error output interrupts',
      [
        [1, 'o', 'pass'],
        [1, 'e', ''],
        [0, 'o', 'oops\n'],
        [1, 'o', 'word\n'],
      ],
      ['3 output: password'],
    ],
    [
      'error output',
      [
        [1, 'e', ''],
        [0, 'o', 'password\n'],
      ],
      ['1 error output: password'],
    ],
    [
      'input',
      [
        [1, 'i', 'pass'],
        [1, 'o', '*'],
        [1, 'i', 'word\r'],
      ],
      ['3 input: password'],
    ],
    ['a marker', [[1, 'm', 'password asked']], ['1 marker: password asked']],
    ['the last line', [[1, 'o', 'password:']], ['1 output: password:']],
    ['no text of a title', [[1, 'o', '\x1b]0;password\x07']], []],
    [
      'nothing',
      [
        [1, 'r', '80x24'],
        [1, 'x', '0'],
      ],
      [],
    ],
  ])('finds %s', async (_what, events, want) => {
    expect(await grep('password', ...events)).toEqual(want)
  })
})
