import { describe, expect, test } from 'vitest'
import { wrapLine } from './wrap-line.ts'

describe('wrapLine()', () => {
  test.each([
    ['nothing', '', ['']],
    ['what fits', 'x'.repeat(66), ['x'.repeat(66)]],
    ['what does not', 'x'.repeat(67), ['x'.repeat(66), '↳ x']],
    ['wide characters', '漢'.repeat(34), ['漢'.repeat(33), '↳ 漢']],
    [
      'blanks before a line that looks like the program',
      `${' '.repeat(69)}You may`,
      [' '.repeat(66), '↳    You may'],
    ],
  ])('breaks %s', (_what, line, want) => {
    expect(wrapLine(line)).toEqual(want)
  })

  test('loses nothing, and no piece is wider than the first', () => {
    const line = Array.from({ length: 500 }, (_, index) => String(index)).join(' ')
    const pieces = wrapLine(line)
    expect(pieces.map((piece) => piece.replace(/^↳ /, '')).join('')).toBe(line)
    expect(Math.max(...pieces.map((piece) => piece.length))).toBe(66)
  })
})
