import { expect, test } from 'vitest'
import { hasDuplicateKey } from './has-duplicate-key.ts'

test.each([
  ['a long string', JSON.stringify({ a: 'x'.repeat(3_000_000), b: 1 })],
  ['many escapes', JSON.stringify({ a: '\n'.repeat(1_500_000), b: 1 })],
  ['lists in each other', `${'['.repeat(1_500_000)}${']'.repeat(1_500_000)}`],
])('hasDuplicateKey() reads %s', (_name, text) => {
  expect(hasDuplicateKey(text)).toBe(false)
  expect(hasDuplicateKey(`{"x":${text},"x":1}`)).toBe(true)
})

test.each([
  ['{}', false],
  ['[]', false],
  ['"a"', false],
  ['12', false],
  ['{"a":1,"b":1}', false],
  ['{"a":1,"a":2}', true],
  ['{"a":1,"\\u0061":2}', true],
  ['{"a":{"b":1},"b":{"a":1}}', false],
  ['{"a":{"b":1,"b":2}}', true],
  ['[{"a":1},{"a":1}]', false],
  ['{"a":["a","a"],"b":"a"}', false],
  ['{"x":[1,{"a":1, "c":[], "a" :2}]}', true],
  ['{"a":"{\\"a\\":1,","b":1}', false],
  ['{ "a" : "\\"" , "\\"" : 1 , "b" : "\\\\" }', false],
  ['{"__proto__":1,"a":1}', false],
  ['{"__proto__":1,"__proto__":1}', true],
])('hasDuplicateKey() of %s: %s', (text, want) => {
  expect(() => JSON.parse(text)).not.toThrow()
  expect(hasDuplicateKey(text)).toBe(want)
})
