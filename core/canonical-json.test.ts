import { expect, test } from 'vitest'
import { type CanonicalValue, canonicalJson } from './canonical-json.ts'

/* Vectors of RFC 8785: 3.2.2 (numbers, text), 3.2.3 (order of keys), appendix B (numbers). */

const RFC_ORDER = {
  '\u20ac': 'Euro Sign',
  '\r': 'Carriage Return',
  '\ufb33': 'Hebrew Letter Dalet With Dagesh',
  '1': 'One',
  '\ud83d\ude00': 'Emoji: Grinning Face',
  '\u0080': 'Control',
  '\u00f6': 'Latin Small Letter O With Diaeresis',
}

test.each<[string, CanonicalValue, string]>([
  ['null', null, 'null'],
  ['an empty list', [], '[]'],
  ['an empty object', {}, '{}'],
  [
    'keys in another order',
    { b: 1, a: [true, { d: null, c: 'x' }] },
    '{"a":[true,{"c":"x","d":null}],"b":1}',
  ],
  ['what is undefined', { a: undefined, b: 1 }, '{"b":1}'],
  [
    'numbers of 3.2.2',
    [JSON.parse('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
    '[333333333.3333333,1e+30,4.5,0.002,1e-27]',
  ],
  ['text of 3.2.2', '\u20ac$\u000f\nA\'B"\\\\"/', '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'],
  ['minus zero of appendix B', -0, '0'],
  ['the largest number of appendix B', 1.7976931348623157e308, '1.7976931348623157e+308'],
  ['a whole number of appendix B', 9007199254740992, '9007199254740992'],
])('canonicalJson gives %s its one form', (_title, value, text) => {
  expect(canonicalJson(value)).toBe(text)
})

test('canonicalJson sorts keys by UTF-16 code units, as in 3.2.3', () => {
  const values = Object.values(JSON.parse(canonicalJson(RFC_ORDER)) as object)
  // Keys that are numbers come first in ECMAScript, so the text itself is looked at.
  expect([...canonicalJson(RFC_ORDER).matchAll(/:"([^"]+)"/g)].map(([, value]) => value)).toEqual([
    'Carriage Return',
    'One',
    'Control',
    'Latin Small Letter O With Diaeresis',
    'Euro Sign',
    'Emoji: Grinning Face',
    'Hebrew Letter Dalet With Dagesh',
  ])
  expect(values).toHaveLength(7)
})

test.each([
  ['a number that is not finite', Number.NaN],
  ['an infinite number', Number.POSITIVE_INFINITY],
  ['a lone surrogate', '\ud800'],
  ['a key with a lone surrogate', { '\udc00': 1 }],
])('canonicalJson refuses %s', (_title, value) => {
  expect(() => canonicalJson(value)).toThrow(TypeError)
})
