import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  ALL_TEXTS,
  commonTexts,
  describeTexts,
  hasText,
  isNoText,
  onlyTexts,
  someText,
  type TextSet,
  textSetKey,
  textsWithout,
  textsWithPrefix,
  unionOfTexts,
} from './text-set.ts'

const aText = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 4 })

/** Sets of every shape that the operations can make. */
const { set: aSet } = fc.letrec<{ leaf: TextSet; set: TextSet }>((tie) => ({
  leaf: fc.oneof(
    fc.constant(ALL_TEXTS),
    fc.array(aText, { maxLength: 3 }).map(onlyTexts),
    aText.map(textsWithPrefix),
  ),
  set: fc.oneof(
    { depthSize: 'small' },
    tie('leaf'),
    fc
      .tuple(tie('set'), tie('set'), fc.constantFrom(unionOfTexts, commonTexts, textsWithout))
      .map(([one, other, operation]) => operation(one, other)),
  ),
}))

describe('TextSet', () => {
  test('unionOfTexts(), commonTexts() and textsWithout() say of each text what both sets say', () => {
    fc.assert(
      fc.property(aSet, aSet, aText, (one, other, text) => {
        const [a, b] = [hasText(one, text), hasText(other, text)]
        expect(hasText(unionOfTexts(one, other), text)).toBe(a || b)
        expect(hasText(commonTexts(one, other), text)).toBe(a && b)
        expect(hasText(textsWithout(one, other), text)).toBe(a && !b)
      }),
      { numRuns: 5_000 },
    )
  })

  test('someText() is in the set, and is missing from the empty set alone', () => {
    fc.assert(
      fc.property(aSet, fc.array(aText, { maxLength: 2 }), (set, preferred) => {
        const text = someText(set, preferred)
        expect(text === undefined).toBe(isNoText(set))
        expect(text === undefined || hasText(set, text)).toBe(true)
      }),
      { numRuns: 5_000 },
    )
  })

  test('textSetKey() is the same for equal sets, however they were made, and for no others', () => {
    fc.assert(
      fc.property(aSet, aSet, (one, other) => {
        const equal = isNoText(textsWithout(one, other)) && isNoText(textsWithout(other, one))
        expect(textSetKey(one) === textSetKey(other)).toBe(equal)
      }),
      { numRuns: 5_000 },
    )
  })

  test.each([
    [ALL_TEXTS, 'any'],
    [onlyTexts([]), 'none'],
    [onlyTexts(['pods', '', 'jobs']), '"", jobs, pods'],
    [textsWithout(ALL_TEXTS, onlyTexts(['team'])), 'any but team'],
    [textsWithPrefix('/healthz'), '/healthz*'],
    [textsWithout(textsWithPrefix('/a'), onlyTexts(['/ab'])), '/a* but not /ab'],
  ])('describeTexts() says %# in words', (set, words) => {
    expect(describeTexts(set)).toBe(words)
  })

  test('someText() prefers what it is told to', () => {
    expect(someText(ALL_TEXTS, ['get'])).toBe('get')
    expect(someText(onlyTexts(['list']), ['get'])).toBe('list')
  })
})
