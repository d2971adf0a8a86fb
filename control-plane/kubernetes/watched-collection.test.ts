import fc from 'fast-check'
import { expect, test } from 'vitest'
import { objectKey } from './watched-collection.ts'

test('objectKey() is equal for the same namespace and name only', () => {
  const word = fc.stringMatching(/^[a/:1]{0,4}$/)
  fc.assert(
    fc.property(fc.tuple(word, word), fc.tuple(word, word), (one, other) => {
      const same = one[0] === other[0] && one[1] === other[1]
      expect(objectKey(...one) === objectKey(...other)).toBe(same)
    }),
  )
})
