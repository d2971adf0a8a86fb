import { expect, test } from 'vitest'
import { parseNamespace, parsePodName, parseText } from './object-name.ts'

test.each([
  ['agent', 'agent'],
  ['pod/agent', 'agent'],
  ['pods/build-x7k2', 'build-x7k2'],
  ['po/a.b', 'a.b'],
])('parsePodName() of %s', (text, want) => {
  expect(parsePodName(text)).toBe(want)
})

test.each(['', 'pod/', 'job/build', 'pod/a/b', '../x', 'Agent', 'a b', 'a'.repeat(254)])(
  'parsePodName() refuses %j',
  (text) => {
    expect(() => parsePodName(text)).toThrow('is no name of a pod')
  },
)

test.each(['', 'a/b', 'team.x', '-a', 'a'.repeat(64)])('parseNamespace() refuses %j', (text) => {
  expect(() => parseNamespace(text)).toThrow('is not the name of a namespace')
})

test('parseNamespace() takes one digit', () => {
  expect(parseNamespace('1')).toBe('1')
})

test('parseText() refuses what is empty and nothing else', () => {
  expect(() => parseText('')).toThrow('it is empty')
  expect(parseText(' ')).toBe(' ')
})
