import { expect, test } from 'vitest'
import { parseShellWord } from './shell-word.ts'

test.each([
  ['', ''],
  ['rm', 'rm'],
  ["'r''m'", 'rm'],
  ['"r"m', 'rm'],
  ['r\\m', 'rm'],
  ['r\\\nm', 'rm'],
  ["$'r\\x6d'", 'rm'],
  ["$'\\162m'", 'rm'],
  ["$'\\u0072m'", 'rm'],
  ["$'a\\nb'", 'a\nb'],
  ['$"rm"', 'rm'],
  ['"a\\"b\\\\c\\d"', 'a"b\\c\\d'],
  ["'a$b`c'", 'a$b`c'],
  ['"a*b"', 'a*b'],
  ['\\*', '*'],
  ['[', '['],
  ['a=b', 'a=b'],
])('parseShellWord(%j) is exactly %j', (source, text) => {
  expect(parseShellWord(source)).toEqual({ text, exact: true, many: false })
})

test.each([
  ['$X', true],
  ['r$X', true],
  ['`id`', true],
  ['$(id)', true],
  ['<(id)', true],
  ['"$X"', false],
  ['"$\x7bX}"', false],
  ['"$@"', true],
  ['"$(id)"', true],
  ['r*', true],
  ['r?', true],
  ['[ab]', true],
  ['{a,b}', true],
  ['{1..3}', true],
  ['!(x)', true],
  ['~', false],
  ['a=~', false],
  ["'open", false],
  ["$'\\xff'", true],
])('parseShellWord(%j) is not known exactly, and may be many words: %j', (source, many) => {
  expect(parseShellWord(source)).toMatchObject({ exact: false, many })
})

test('parseShellWord() keeps what was known before an expansion', () => {
  expect(parseShellWord('"r"$X').text).toBe('r$X')
})
