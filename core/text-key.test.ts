import fc from 'fast-check'
import { expect, test } from 'vitest'
import { textKey } from './text-key.ts'

/** Texts that look like parts of a key. */
const texts = fc.array(fc.oneof(fc.string(), fc.stringMatching(/^[0-9:/ ]{0,6}$/)), {
  maxLength: 5,
})

test('textKey() is equal for equal lists only', () => {
  fc.assert(
    fc.property(texts, texts, (one, other) => {
      const same = one.length === other.length && one.every((text, index) => text === other[index])
      expect(textKey(one) === textKey(other)).toBe(same)
    }),
  )
})

test('textKey() tells apart where one list was cut in another way', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.nat(), fc.nat(), (text, first, second) => {
      const cut = (at: number) => [text.slice(0, at), text.slice(at)]
      const [a, b] = [first % (text.length + 1), second % (text.length + 1)]
      expect(textKey(cut(a)) === textKey(cut(b))).toBe(a === b)
    }),
  )
})

test.each([
  [[], ['']],
  [[''], ['', '']],
  [['a/b'], ['a', 'b']],
  [['1:a'], ['1', 'a']],
])('textKey() tells %j from %j', (one, other) => {
  expect(textKey(one)).not.toBe(textKey(other))
})
