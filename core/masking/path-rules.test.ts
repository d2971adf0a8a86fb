import { expect, test } from 'vitest'
import { compilePathRules, type PathPattern } from './path-rules.ts'

function rulesAt(patterns: readonly (readonly [PathPattern, string])[], way: readonly string[]) {
  let state = compilePathRules(patterns)
  for (const key of way) state = state?.step(key)
  return state?.rules
}

test.each<[string, PathPattern, string, readonly string[] | undefined]>([
  ['a key', ['data'], 'data', ['rule']],
  ['no place before its end', ['data', 'a'], 'data', []],
  ['nothing below its end', ['data'], 'data/a', undefined],
  ['no other key', ['data'], 'spec', undefined],
  ['any key', ['data', '*'], 'data/tls.key', ['rule']],
  ['one key only', ['data', '*'], 'data/a/b', undefined],
  ['an index', ['items', '*', 'data', '*'], 'items/17/data/a', ['rule']],
  ['no key too', ['a', '**', 'b'], 'a/b', ['rule']],
  ['any number of keys', ['a', '**', 'b'], 'a/x/y/b', ['rule']],
  ['the same key twice', ['**', 'b', 'b'], 'b/b/b', ['rule']],
  ['no key that is not there', ['**', 'b'], 'x/y', []],
  ['all below', ['data', '**'], 'data/a/b/c', ['rule']],
  ['the place itself', ['data', '**'], 'data', ['rule']],
  ['the whole document', ['**'], '', ['rule']],
  ['any number of keys behind any one', ['*', '**', 'c'], 'a/c', ['rule']],
  ['a key that is called like a property', ['constructor'], 'constructor', ['rule']],
  ['nothing that is called like a property', ['data'], '__proto__', undefined],
])('compilePathRules() matches %s', (_name, pattern, way, want) => {
  expect(rulesAt([[pattern, 'rule']], way === '' ? [] : way.split('/'))).toEqual(want)
})

test('compilePathRules() gives each rule of a place once', () => {
  const patterns = [
    [['data', '*'], 'one'],
    [['**', 'a'], 'two'],
    [['*', '*'], 'one'],
  ] as const
  expect(rulesAt(patterns, ['data', 'a'])?.toSorted()).toEqual(['one', 'two'])
})

test('compilePathRules() of nothing matches nowhere', () => {
  expect(compilePathRules([])).toBeUndefined()
})

test('step() forgets no rule of a place with many keys', () => {
  const state = compilePathRules([[['data', '*'], 'rule']])?.step('data')
  for (let at = 0; at < 1_000; at += 1) expect(state?.step(`key ${at}`)?.rules).toEqual(['rule'])
})
