import {
  ALL_TEXTS,
  commonTexts,
  hasText,
  isNoText,
  someText,
  type TextSet,
  textSetKey,
  textsWithout,
} from './text-set.ts'

/**
 * A product of sets, one for each dimension by its name, such as `verb` or `namespace`; a dimension that is not in it
 * is every text. A box is never empty: what would be is undefined.
 */
export type Box = ReadonlyMap<string, TextSet>

/** One text for each dimension; a dimension that is not in it is the empty text. */
export type Point = ReadonlyMap<string, string>

/** The box of these sets; undefined when one of them is empty. */
export function toBox(sets: Readonly<Record<string, TextSet>>): Box | undefined {
  const entries = Object.entries(sets).filter(([, set]) => set !== ALL_TEXTS)
  return entries.some(([, set]) => isNoText(set)) ? undefined : new Map(entries)
}

/** Whether a point is in a box. */
export function hasPoint(box: Box, point: Point): boolean {
  for (const [name, set] of box) if (!hasText(set, point.get(name) ?? '')) return false
  return true
}

/** What is in both boxes; undefined for nothing. */
export function commonBox(one: Box, other: Box): Box | undefined {
  const common = new Map(one)
  for (const [name, set] of other) {
    const both = commonTexts(one.get(name) ?? ALL_TEXTS, set)
    if (isNoText(both)) return undefined
    common.set(name, both)
  }
  return common
}

/** Boxes that share no point and hold what is in one box and not in the other. */
export function boxWithout(one: Box, other: Box): readonly Box[] {
  if (commonBox(one, other) === undefined) return [one]
  const pieces: Box[] = []
  let rest = one
  for (const [name, set] of other) {
    const own = rest.get(name) ?? ALL_TEXTS
    const outside = textsWithout(own, set)
    if (!isNoText(outside)) pieces.push(new Map(rest).set(name, outside))
    rest = new Map(rest).set(name, commonTexts(own, set))
  }
  return pieces
}

/** Whether a box holds all of another. */
export function boxHolds(outer: Box, inner: Box): boolean {
  for (const [name, set] of outer) {
    if (!isNoText(textsWithout(inner.get(name) ?? ALL_TEXTS, set))) return false
  }
  return true
}

/** A point of a box: for each dimension that the box or `preferred` has, a preferred text if the box has one. */
export function pointOf(
  box: Box,
  preferred: Readonly<Record<string, readonly string[]>> = {},
): Point {
  const names = new Set([...Object.keys(preferred), ...box.keys()])
  return new Map(
    [...names].map((name) => {
      const set = box.get(name) ?? ALL_TEXTS
      return [name, someText(set, preferred[name]) ?? '']
    }),
  )
}

/** The same for equal boxes, and for no others. */
export function boxKey(box: Box): string {
  const sets = [...box].filter(([, set]) => set !== ALL_TEXTS)
  return JSON.stringify(sets.map(([name, set]) => [name, textSetKey(set)]).sort())
}
