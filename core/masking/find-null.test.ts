import { expect, test } from 'vitest'
import { findNull } from './find-null.ts'
import { compilePathRules } from './path-rules.ts'

const places = compilePathRules([[['spec', 'cards', '*', 'cvc', '**'], 1]])

test.each([
  ['nothing hidden', { spec: { other: null } }, false, undefined],
  ['a value', { spec: { cards: [{ cvc: 7 }] } }, false, undefined],
  [
    'the first null',
    { spec: { cards: [{ cvc: 1 }, { cvc: null }, { cvc: null }] } },
    false,
    'spec.cards[1].cvc',
  ],
  ['a null below', { spec: { cards: [{ cvc: { a: null } }] } }, false, 'spec.cards[0].cvc.a'],
  ['a null around', { spec: { cards: null } }, false, undefined],
  ['a text of JSON', { spec: { cards: [{ cvc: 'null' }] } }, false, undefined],
  ['a word of YAML', { spec: { cards: [{ cvc: '~' }] } }, true, 'spec.cards[0].cvc'],
  ['no object', null, false, undefined],
])('findNull() finds %s', (_name, object, isYaml, want) => {
  expect(findNull(object, places, isYaml)).toBe(want)
})

test('findNull() finds nothing where nothing is hidden', () => {
  expect(findNull({ a: null }, undefined)).toBeUndefined()
})
