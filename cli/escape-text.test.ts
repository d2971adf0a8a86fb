import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { escapeJson, escapeText, isUnsafe } from './escape-text.ts'

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
