import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { escapeJson, escapeText, escapeTexts, isUnsafe } from './escape-text.ts'

describe('escapeText()', () => {
  test.each([
    ['plain', 'plain'],
    ['zoë 日本', 'zoë 日本'],
    ['\u001b[31mred\u001b[0m', '\\x1b[31mred\\x1b[0m'],
    ['a\nb\tc\r', 'a\\x0ab\\x09c\\x0d'],
    ['\u009b31m', '\\x9b31m'],
    ['evil\u202Etxt.exe', 'evil\\u202etxt.exe'],
    ['zero\u200bwidth', 'zero\\u200bwidth'],
    ['\ud800', '\\ud800'],
    ['😀', '😀'],
    ['a\u2028b\u2029c', 'a\\u2028b\\u2029c'],
    ['\ufeffbom', '\\ufeffbom'],
    ['\u{e0041}\u{e007f}tag', '\\u{e0041}\\u{e007f}tag'],
    ['\u200e\u200f\u061c', '\\u200e\\u200f\\u061c'],
    ['\u2066a\u2069', '\\u2066a\\u2069'],
    ['\u3164hangul filler', '\\u3164hangul filler'],
    ['', ''],
  ])('of %j is %j', (text, want) => {
    expect(escapeText(text)).toBe(want)
  })

  test('leaves nothing that a terminal obeys', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(isUnsafe(escapeText(text))).toBe(false)
      }),
    )
  })
})

test('escapeJson() keeps the value and its line breaks', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const json = escapeJson(JSON.stringify({ text }, undefined, 2))
      expect(JSON.parse(json)).toEqual({ text })
      expect(isUnsafe(json.replaceAll('\n', ''))).toBe(false)
    }),
  )
})

/** Every character that the issue of its kind names, and their neighbours of the same block. */
const NAMED = [
  [0x00, 0x1f],
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x061c, 0x061c],
  [0x180e, 0x180e],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0xd800, 0xdfff],
  [0xfeff, 0xfeff],
  [0xfff9, 0xfffb],
  [0xe0000, 0xe007f],
] as const

test.each(NAMED)('isUnsafe() holds for all from %i to %i', (first, last) => {
  const all = Array.from({ length: last - first + 1 }, (_, at) => String.fromCodePoint(first + at))
  expect(all.filter((character) => !isUnsafe(character))).toEqual([])
})

test('escapeText() of what is escaped is the same', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(escapeText(escapeText(text))).toBe(escapeText(text))
    }),
  )
})

test('escapeTexts() reaches every text and key, and changes nothing else', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
      const escaped = escapeTexts(value)
      expect(isUnsafe(JSON.stringify(escaped))).toBe(false)
      expect(escapeTexts(escaped)).toEqual(escaped)
    }),
  )
  const value = { a: ['x', 1, true, null, { '\u009b': '\u202e' }] }
  expect(escapeTexts(value)).toEqual({ a: ['x', 1, true, null, { '\\x9b': '\\u202e' }] })
})
