import { expect, test } from 'vitest'
import { indentJson } from './indent-json.ts'

test.each([
  ['a number', '1', '1'],
  ['nothing in it', '{}', '{}'],
  ['nothing in it but blanks', '[ \n]', '[]'],
  ['an object', '{"a":1,"b":[true,null]}', '{\n  "a": 1,\n  "b": [\n    true,\n    null\n  ]\n}'],
  ['empty ones inside', '{"a":{},"b":[]}', '{\n  "a": {},\n  "b": []\n}'],
  ['signs in a string', '{"a":"{[,:]} \\" \\\\"}', '{\n  "a": "{[,:]} \\" \\\\"\n}'],
  ['a key twice, both of them', '{"a":1,"a":2}', '{\n  "a": 1,\n  "a": 2\n}'],
  ['a large number as it is', '[9007199254740993]', '[\n  9007199254740993\n]'],
])('indentJson() writes %s', (_what, text, want) => {
  expect(indentJson(text)).toBe(want)
})
