import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Box, boxHolds, boxKey, hasPoint, type Point, pointOf, toBox } from './box.ts'
import {
  boxOutside,
  commonRegion,
  REGION_BOXES_MAX,
  type Region,
  regionHas,
  regionWithout,
  unionOfRegions,
} from './region.ts'
import { ALL_TEXTS, onlyTexts, textsWithout } from './text-set.ts'

const DIMENSIONS = ['verb', 'resource', 'namespace']
const aText = fc.constantFrom('', 'a', 'b', 'c')
const aSet = fc.oneof(
  fc.constant(ALL_TEXTS),
  fc.array(aText, { minLength: 1, maxLength: 3 }).map(onlyTexts),
  fc.array(aText, { maxLength: 2 }).map((texts) => textsWithout(ALL_TEXTS, onlyTexts(texts))),
)
const aBox: fc.Arbitrary<Box> = fc
  .tuple(aSet, aSet, aSet)
  .map((sets) => toBox(Object.fromEntries(sets.map((set, at) => [DIMENSIONS[at] ?? '', set]))))
  .filter((box) => box !== undefined)
const aRegion: fc.Arbitrary<Region> = fc.array(aBox, { maxLength: 4 })
const aPoint: fc.Arbitrary<Point> = fc
  .tuple(aText, aText, aText)
  .map((texts) => new Map(texts.map((text, at) => [DIMENSIONS[at] ?? '', text])))

test('regions have the points that both regions say', () => {
  fc.assert(
    fc.property(aRegion, aRegion, aPoint, (one, other, point) => {
      const [a, b] = [regionHas(one, point), regionHas(other, point)]
      expect(regionHas(unionOfRegions(one, other), point)).toBe(a || b)
      expect(regionHas(commonRegion(one, other), point)).toBe(a && b)
      expect(regionHas(regionWithout(one, other), point)).toBe(a && !b)
    }),
    { numRuns: 2_000 },
  )
})

test('boxOutside() has a witness in the one region and not in the other, and else there is none', () => {
  fc.assert(
    fc.property(aRegion, aRegion, (one, other) => {
      const found = boxOutside(one, other)
      expect(found === undefined).toBe(regionWithout(one, other).length === 0)
      const witness = found === undefined ? undefined : pointOf(found)
      expect(witness === undefined || regionHas(one, witness)).toBe(true)
      expect(witness === undefined || !regionHas(other, witness)).toBe(true)
    }),
    { numRuns: 2_000 },
  )
})

test('differences and intersections keep their laws', () => {
  fc.assert(
    fc.property(aRegion, aRegion, aRegion, (a, b, c) => {
      const isSame = (one: Region, other: Region) =>
        boxOutside(one, other) === undefined && boxOutside(other, one) === undefined
      expect(regionWithout(a, a)).toEqual([])
      expect(commonRegion(regionWithout(a, b), b)).toEqual([])
      expect(isSame(unionOfRegions(commonRegion(a, b), regionWithout(a, b)), a)).toBe(true)
      const apart = regionWithout(a, unionOfRegions(b, c))
      expect(isSame(apart, regionWithout(regionWithout(a, b), c))).toBe(true)
      expect(isSame(commonRegion(a, b), commonRegion(b, a))).toBe(true)
    }),
    { numRuns: 500 },
  )
})

test('boxHolds() and boxKey() agree with points', () => {
  fc.assert(
    fc.property(aBox, aBox, aPoint, (outer, inner, point) => {
      expect(boxHolds(outer, inner) && hasPoint(inner, point) && !hasPoint(outer, point)).toBe(
        false,
      )
      const equal = boxHolds(outer, inner) && boxHolds(inner, outer)
      expect(boxKey(outer) === boxKey(inner)).toBe(equal)
    }),
    { numRuns: 2_000 },
  )
})

test('commonRegion() gives up where the pieces are more than people could read', () => {
  const many = (dimension: string) =>
    Array.from({ length: 200 }, (_, index) =>
      toBox({ [dimension]: onlyTexts([`${index}`]) }),
    ).filter((box) => box !== undefined)
  expect(200 * 200).toBeGreaterThan(REGION_BOXES_MAX)
  expect(() => commonRegion(many('verb'), many('resource'))).toThrow(/more than 20000 pieces/)
})
